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
				if got := lifecycle.StatusOf(lifecycle.Kind(cells[0]), lifecycle.Phase(columns[i]), hibernation); got != want {
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
