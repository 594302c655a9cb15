package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

const examples = "../../examples"

// Whoever adds a folder with .tf files below examples/ has it planned here.
func TestAccExamplesPlan(t *testing.T) {
	onEngine(t)
	settings := program(t)
	folders := map[string]bool{}
	err := filepath.WalkDir(examples, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".tf" {
			folders[filepath.Dir(path)] = true
		}
		return err
	})
	if err != nil || len(folders) == 0 {
		t.Fatalf("found %d examples: %v", len(folders), err)
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		t.Run(strings.TrimPrefix(folder, examples+"/"), func(t *testing.T) {
			if _, err := example(t, settings, folder).run("plan"); err != nil {
				t.Error(err)
			}
		})
	}
}

// importBlock is what shows in a resource's folder how to import it.
const importBlock = "import-by-string-id.tf"

// example is a workspace with an example's configuration, without what shows how to import.
func example(t *testing.T, settings, folder string) workspace {
	t.Helper()
	place := copied(t, settings, folder)
	certificate, key := keyPair(t, time.Hour)
	values := fmt.Sprintf("certificate = <<-EOT\n%s\nEOT\nprivate_key = <<-EOT\n%s\nEOT\nstaging_password = \"correct horse\"\n", certificate, key)
	if err := errors.Join(os.RemoveAll(filepath.Join(place.folder, importBlock)), place.write("test.auto.tfvars", values)); err != nil {
		t.Fatal(err)
	}
	return place
}

// TestAccExamplesImportBlocks sees that the blocks are understood, like import.sh. An identity is for Terraform 1.12: its
// parts, as the guide shows them, are compared with those that the provider has.
func TestAccExamplesImportBlocks(t *testing.T) {
	onEngine(t)
	settings := program(t)
	guide, err := os.ReadFile("../../templates/guides/import.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, factory := range (&isolabProvider{}).Resources(t.Context()) {
		made, ok := factory().(managed)
		if !ok {
			t.Fatalf("a %T is not managed", factory())
		}
		var metadata resource.MetadataResponse
		made.Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "isolab"}, &metadata)
		t.Run(metadata.TypeName, func(t *testing.T) {
			place := copied(t, settings, filepath.Join(examples, "resources", metadata.TypeName))
			if output, err := place.run("plan"); !regexp.MustCompile(`Unable to import|1 to import`).MatchString(output) {
				t.Error(err)
			}
			_, after, _ := strings.Cut(string(guide), "## By identity")
			_, after, _ = strings.Cut(after, "to = "+metadata.TypeName+".")
			_, after, _ = strings.Cut(after, "identity = {")
			block, _, _ := strings.Cut(after, "}")
			var parts []string
			for _, match := range regexp.MustCompile(`(\w+) += "`).FindAllStringSubmatch(block, -1) {
				parts = append(parts, match[1])
			}
			if !slices.Equal(parts, made.parts) {
				t.Errorf("the identity has the parts %v, the guide shows %v", made.parts, parts)
			}
		})
	}
}

// What import.sh shows is understood: the address is one of the example's, and the id reaches the engine, which either
// holds such an object or does not.
func TestAccExamplesImport(t *testing.T) {
	onEngine(t)
	settings := program(t)
	scripts, err := filepath.Glob(filepath.Join(examples, "resources", "*", "import.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("found %d import examples: %v", len(scripts), err)
	}
	understood := regexp.MustCompile(`Unable to import|Import successful`)
	for _, script := range scripts {
		t.Run(filepath.Base(filepath.Dir(script)), func(t *testing.T) {
			content, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(content)) {
				command := strings.Fields(line)
				if len(command) == 0 || command[0] == "#" {
					continue
				}
				if len(command) != 4 || command[0] != "terraform" || command[1] != "import" {
					t.Fatalf("%q is not terraform import ADDRESS ID", line)
				}
				if output, err := example(t, settings, filepath.Dir(script)).run(command[1:]...); !understood.MatchString(output) {
					t.Errorf("%s: %v", line, err)
				}
			}
		})
	}
}

// override is a file that gives an example the fixture images, and a gateway of the test's own name and port.
func (b *bench) override(port int, more string) string {
	images, _ := json.Marshal(fixtures) // strings always encode
	return strings.ReplaceAll(fmt.Sprintf("provider \"isolab\" {\n  images = %s\n}\n\n%s%s", images, edge(port, ""), more), "PREFIX", b.prefix)
}

// lives applies a workspace, sees that its URLs are answered and that nothing is left to change, and destroys it.
func (b *bench) lives(place workspace, checks ...seen) {
	b.Helper()
	if _, err := place.run("apply", "-auto-approve"); err != nil {
		b.Error(err)
	}
	for _, check := range checks {
		if err := check(); err != nil {
			b.Error(err)
		}
	}
	if _, err := place.run("plan", "-detailed-exitcode"); err != nil {
		b.Errorf("the second plan is not empty: %v", err)
	}
	if _, err := place.run("destroy", "-auto-approve"); err != nil {
		b.Error(err)
	}
}

func TestAccExampleQuickstart(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	place := copied(t, program(t), filepath.Join(examples, "quickstart"))
	err := place.write("test_override.tf", b.override(port, `
resource "isolab_project" "shop" { name = "PREFIX-shop" }
resource "isolab_project" "blog" { name = "PREFIX-blog" }
`))
	if err != nil {
		t.Fatal(err)
	}
	b.lives(place, answers(b.at(port, "-shop/"), 200, b.name("shop")), answers(b.at(port, "-blog/"), 200))
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("destroy left on the engine: %v", left)
	}
}

// The projects of this example keep their data when they are destroyed, so that only containers and networks must be gone.
func TestAccExampleForEach(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	place := copied(t, program(t), filepath.Join(examples, "for_each"))
	err := place.write("test_override.tf", b.override(port, `
variable "projects" {
  default = {
    PREFIX-shop = { stack = "node", phase = "deployment" }
    PREFIX-blog = { stack = "static", phase = "development" }
    PREFIX-lab  = { stack = "python", phase = "paused" }
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	b.lives(place, answers(b.at(port, "-shop/"), 200, b.name("shop")), answers(b.at(port, "-blog/dev/"), 200), answers(b.at(port, "-shop/dev/"), 503, `phase "deployment"`),
		answers(b.at(port, "-lab/"), 503, `phase "paused"`))
	for _, left := range b.leftovers() {
		if !strings.HasPrefix(left, "volume ") {
			t.Errorf("destroy left on the engine: %s", left)
		}
	}
}
