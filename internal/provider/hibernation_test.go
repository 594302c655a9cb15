package provider

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// remembering is a server that holds 200 MiB of memory and counts its visitors there.
const remembering = `const held = Buffer.alloc(200 << 20, 1); let count = 0;
require('http').createServer((request, response) => response.end(String(++count))).listen(process.env.PORT)`

// slept is what the engine and the clock said of one stay in the phase paused.
type slept struct {
	awake, asleep int64 // bytes of memory in use
	resumed       time.Duration
}

// TestAccHibernation measures what sleeping frees and how long waking up takes, in both ways to sleep. The figures are in
// the guide on phases.
func TestAccHibernation(t *testing.T) {
	for _, way := range []struct {
		name    string
		sleeps  engine.State
		counted string // by the visitor after the resume, who is the second
	}{
		{"stop", engine.StateExited, "1"},
		{"freeze", engine.StatePaused, "2"},
	} {
		t.Run(way.name, func(t *testing.T) {
			b := onEngine(t)
			port := b.port()
			url := b.at(port, "-api/")
			container := "isolab_" + b.prefix + "-api_deployment_1"
			configured := func(phase string) string {
				return b.config(edge(port, "") + fmt.Sprintf(`
resource "isolab_project" "api" {
  name        = "PREFIX-api"
  phase       = %q
  data_policy = "delete"
}

resource "isolab_environment" "api" {
  project     = isolab_project.api
  kind        = "deployment"
  image       = "isolab-fixture/node:1"
  command     = ["node", "-e", %q]
  port        = 3000
  hibernation = %q
}

resource "isolab_route" "api" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.api
  environment = isolab_environment.api.name
}
`, phase, remembering, way.name))
			}
			var seen slept
			var started string
			resumed := make(chan time.Duration, 1)
			memory := func() int64 {
				use, err := b.engine.MemoryUse(b.Context(), container)
				if err != nil {
					b.Error(err)
				}
				return use
			}
			startedAt := func() string { return b.docker("inspect", "--format", "{{.State.StartedAt}}", container) }
			b.test(
				resource.TestStep{Config: configured("deployment"), Check: func(*terraform.State) error {
					started = startedAt()
					got, err := patiently(url)
					seen.awake = memory()
					if err == nil && got.body != "1" {
						err = fmt.Errorf("the first visitor is number %s", got.body)
					}
					return err
				}},
				resource.TestStep{Config: configured("paused"), Check: func(*terraform.State) error {
					seen.asleep = memory()
					found, err := b.engine.Container(b.Context(), container)
					if err == nil && found.State != way.sleeps {
						err = fmt.Errorf("the container is %s", found.State)
					}
					if way.name == "stop" && seen.asleep != 0 {
						err = fmt.Errorf("a stopped container uses %d bytes", seen.asleep)
					}
					return err
				}},
				resource.TestStep{
					Config: configured("deployment"),
					PreConfig: func() {
						events, failures := b.engine.Events(b.Context(), container)
						go func() {
							defer close(resumed)
							if err := wakes(events, failures); err != nil {
								b.Errorf("wait for the container to wake up: %v", err)
								return
							}
							from := time.Now()
							got, err := patiently(url)
							took := time.Since(from)
							if err != nil || got.body != way.counted {
								b.Errorf("the visitor after the resume is number %s instead of %s: %v", got.body, way.counted, err)
							}
							resumed <- took
						}()
					},
					Check: func(*terraform.State) error {
						if same := startedAt() == started; same != (way.name == "freeze") {
							b.Errorf("the same process as before: %v", same)
						}
						return nil
					},
				},
			)
			seen.resumed = <-resumed
			t.Logf("%s: %d MiB awake, %d MiB asleep; %v from the wake-up to the first answer through the gateway",
				way.name, seen.awake>>20, seen.asleep>>20, seen.resumed.Round(time.Millisecond))
		})
	}
}

// wakes returns when the engine says that it wakes a container up.
func wakes(events <-chan engine.Event, failures <-chan error) error {
	for {
		select {
		case event := <-events:
			if event.Action == "start" || event.Action == "unpause" {
				return nil
			}
		case err := <-failures:
			return err
		}
	}
}

// patiently visits until somebody answers.
func patiently(url string) (answer, error) {
	var got answer
	var err error
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		if got, err = visit(url); err == nil && got.status == http.StatusOK {
			return got, nil
		}
	}
	return got, fmt.Errorf("%s answers %d, %w", url, got.status, err)
}
