package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// statusTable is the table of the contract as users read it.
const statusTable = `
status of    created  planning  development  testing  deployment  paused      failed
agent        absent   running   running      running  running     hibernated  absent
database     absent   absent    running      running  running     hibernated  absent
development  absent   absent    running      running  stopped     hibernated  absent
testing      absent   absent    stopped      running  stopped     hibernated  absent
deployment   absent   absent    absent       stopped  running     hibernated  absent
`

func TestStatusTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(statusTable), "\n")
	columns := strings.Fields(lines[0])[2:]
	asleep := map[lifecycle.Hibernation]lifecycle.Status{
		lifecycle.Stop: lifecycle.Stopped, lifecycle.Freeze: lifecycle.Frozen, "": lifecycle.Stopped,
	}
	if len(columns) != len(lifecycle.Phases()) || len(lines) != 6 {
		t.Fatalf("the table has %d phases and %d lines", len(columns), len(lines))
	}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		for i, cell := range cells[1:] {
			for hibernation, sleeping := range asleep {
				want := lifecycle.Status(cell)
				if cell == "hibernated" {
					want = sleeping
				}
				if got := (lifecycle.Life{Kind: lifecycle.Kind(cells[0]), Hibernation: hibernation}).Status(lifecycle.Phase(columns[i])); got != want {
					t.Errorf("%s in %s with hibernation %q: %s, want %s", cells[0], columns[i], hibernation, got, want)
				}
			}
		}
	}
	for _, kind := range lifecycle.EnvironmentKinds() {
		if !strings.Contains(statusTable, "\n"+string(kind)+" ") {
			t.Errorf("kind %s is not in the table", kind)
		}
	}
}

// TestActivePhases takes the phases in which containers run away from their kind.
func TestActivePhases(t *testing.T) {
	for _, test := range []struct {
		kind   lifecycle.Kind
		active string
		want   string // in created, planning, development, testing, deployment, paused, failed
	}{
		{lifecycle.KindDevelopment, "development testing", "absent absent running running stopped stopped absent"},
		{lifecycle.KindDevelopment, "planning development testing deployment", "absent running running running running stopped absent"},
		{lifecycle.KindDevelopment, "testing", "absent absent stopped running stopped stopped absent"},
		{lifecycle.KindDevelopment, "", "absent absent stopped stopped stopped stopped absent"},
		{lifecycle.KindDeployment, "development", "absent absent running stopped stopped stopped absent"},
		{lifecycle.KindDeployment, "planning deployment", "absent running absent stopped running stopped absent"},
	} {
		life := lifecycle.Life{Kind: test.kind, Active: []lifecycle.Phase{}}
		life.Active = append(life.Active, phases(test.active)...)
		var got []string
		for _, phase := range lifecycle.Phases() {
			got = append(got, string(life.Status(phase)))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s active in %q: %v, want %s", test.kind, test.active, got, test.want)
		}
	}
}
