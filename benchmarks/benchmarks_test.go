package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	networkID   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	containerID = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	helperID    = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

func post(target, body, id string) call {
	return call{method: http.MethodPost, target: target, body: []byte(body), status: 201, answer: []byte(`{"Id":"` + id + `"}`)}
}

func TestReplaySortsByResource(t *testing.T) {
	made := []call{
		{method: http.MethodGet, target: "/networks", status: 200},
		post("/volumes/create", `{"Name":"isolab_isolab-bench-001_record_1"}`, ""),
		post("/containers/create?name=isolab-helper_X", `{"Mounts":[{"Source":"isolab_isolab-bench-001_workspace"}]}`, helperID),
		{method: http.MethodDelete, target: "/containers/" + helperID, status: 204},
		post("/networks/create", `{"Name":"isolab_isolab-bench-001"}`, networkID),
		{method: http.MethodPost, target: "/networks/create", body: []byte(`{"Name":"isolab_isolab-bench-001"}`), status: 403},
		post("/containers/create?name=isolab_isolab-bench-001_testing_1", `{"EndpointsConfig":{"`+networkID+`":{}}}`, containerID),
		{method: http.MethodPost, target: "/networks/" + networkID + "/connect", body: []byte(`{"Container":"` + containerID + `"}`), status: 200},
		{method: http.MethodPost, target: "/containers/" + containerID + "/start", status: 204},
	}
	removed := []call{
		{method: http.MethodDelete, target: "/containers/" + containerID, status: 204},
		{method: http.MethodDelete, target: "/networks/" + networkID, status: 204},
	}
	r := newReplay(made, removed)
	if len(r.projects) != 1 || len(r.projects[0].dependent) != 1 || r.count() != 9 {
		t.Fatalf("%d projects, %d calls", len(r.projects), r.count())
	}
	project, environment := r.projects[0], r.projects[0].dependent[0]
	if project.name != "isolab-bench-001" || len(project.made) != 4 || len(project.removed) != 1 {
		t.Errorf("project %s: %d made, %d removed", project.name, len(project.made), len(project.removed))
	}
	if environment.name != "isolab-bench-001/testing" || len(environment.made) != 3 || len(environment.removed) != 1 {
		t.Errorf("environment %s: %d made, %d removed", environment.name, len(environment.made), len(environment.removed))
	}
	r.ids[networkID] = strings.Repeat("d", 64)
	if got := r.translate("/networks/" + networkID + "/connect of " + containerID); got != "/networks/"+strings.Repeat("d", 64)+"/connect of "+containerID {
		t.Errorf("translated to %s", got)
	}
}

func TestBusyCountsTimeOnce(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	if got := busy([]call{{begun: at(10), ended: at(11)}, {begun: at(0), ended: at(4)}, {begun: at(1), ended: at(2)}, {begun: at(3), ended: at(6)}}); got != 7*time.Second {
		t.Errorf("busy for %s", got)
	}
}

func TestProvidersReadsWhatAShellWrites(t *testing.T) {
	file := filepath.Join(t.TempDir(), "times")
	if err := os.WriteFile(file, []byte("0m0.00s 0m0.01s\n1m1.25s 0m0.50s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := providers(file); err != nil || got.Round(time.Millisecond) != 61760*time.Millisecond {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := providers(file + "-missing"); err != nil || got != 0 {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestReportNamesWhatIsMissed(t *testing.T) {
	second := time.Second
	text := report{BinaryBytes: 26 << 20, Sizes: []size{{
		Projects: 10, Resources: 40, PlanCalls: 40, Apply: cost{Wall: 12 * second}, BareApply: 10 * second,
		Destroy: cost{Wall: 11 * second}, BareDestroy: 10 * second, Plan: cost{Wall: 2 * second}, Reference: cost{Wall: second},
	}}}.markdown()
	for _, says := range []string{"| **1.20** (missed) |", "| 1.10 |", "| 2.00 |", "| 1.00 |", "26.0 MiB, **missed**"} {
		if !strings.Contains(text, says) {
			t.Errorf("the report does not say %q:\n%s", says, text)
		}
	}
}
