package provider

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// Objects of somebody else that bear our names are reported and left alone.
func TestAccEnvironmentMeetsForeignObjects(t *testing.T) {
	b := onEngine(t)
	container, volume := b.container("shop", "dev"), "isolab_"+b.name("shop")+"_volume_data"
	data := serving(`volumes = { data = { path = "/data" } }`)
	b.test(
		b.applied(plain),
		resource.TestStep{
			PreConfig: func() {
				b.docker("volume", "create", "--label", "owner=somebody", volume)
				b.docker("run", "--rm", "--volume", volume+":/data", busybox, "sh", "-c", "echo precious >/data/file")
			},
			Config:      b.config(data),
			ExpectError: regexp.MustCompile(`(?s)Unable to create environment.+` + volume + `\s+exists\s+and\s+is\s+not\s+the\s+project's.+docker\s+volume\s+rm`),
		},
		resource.TestStep{
			PreConfig: func() {
				if kept := b.docker("run", "--rm", "--volume", volume+":/data", busybox, "cat", "/data/file"); kept != "precious" {
					b.Errorf("the foreign volume now holds %q", kept)
				}
				b.docker("volume", "rm", volume)
				b.docker("run", "--detach", "--name", container, busybox, "sleep", "3600")
			},
			Config:      b.config(data),
			ExpectError: regexp.MustCompile(`(?s)Unable to create environment.+` + container),
		},
		resource.TestStep{
			PreConfig: func() {
				if state := b.docker("inspect", "--format", "{{.State.Status}} {{.Config.Cmd}}", container); state != "running [sleep 3600]" {
					b.Errorf("the foreign container now is %s", state)
				}
				b.docker("rm", "--force", container)
			},
			Config: b.config(data),
		},
	)
}

// An environment of the same name that was asked for in other words is not taken over, but can be imported.
func TestAccEnvironmentExists(t *testing.T) {
	b := onEngine(t)
	second := serving("") + fmt.Sprintf(`
resource "isolab_environment" "again" {
  project = isolab_project.shop
  name    = "dev"
  kind    = "testing"
  image   = %q
  command = ["sleep", "3600"]
}
`, busybox)
	b.test(
		b.applied(serving("")),
		resource.TestStep{
			Config:      b.config(second),
			ExpectError: regexp.MustCompile(`(?s)Unable to create environment.+exists\s+already.+terraform\s+import\s+ADDRESS\s+NAMESPACE/NAME`),
		},
		b.applied(serving(""), seen(func() error {
			found, err := b.engine.Container(t.Context(), b.container("shop", "dev"))
			if err == nil && found.Spec.Command[0] != "httpd" {
				err = fmt.Errorf("the refused environment runs %s now", found.Spec.Command)
			}
			return err
		})),
	)
}
