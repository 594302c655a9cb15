package stack_test

import (
	"slices"
	"testing"

	"github.com/distribution/reference"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

func TestNames(t *testing.T) {
	if got, want := stack.Names(), []string{"node", "php", "python", "react", "static"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if _, ok := stack.Get("cobol"); ok {
		t.Error("a stack that does not exist was found")
	}
}

// What load cannot know by itself: that the names in the embedded files mean something outside of them.
func TestEmbedded(t *testing.T) {
	for _, name := range stack.Names() {
		t.Run(name, func(t *testing.T) {
			s, ok := stack.Get(name)
			if !ok || s.Name != name || !naming.Valid(name) {
				t.Fatalf("Get(%q) = stack %q, %t", name, s.Name, ok)
			}
			image, err := reference.Parse(s.Image)
			if err != nil {
				t.Fatalf("image %q: %v", s.Image, err)
			}
			if tagged, ok := image.(reference.NamedTagged); !ok || tagged.Tag() == "latest" {
				t.Errorf("image %q is not pinned", s.Image)
			} else if reference.Domain(tagged) != "docker.io" {
				t.Errorf("image %q does not spell out a public registry", s.Image)
			}
			for kind := range s.Commands {
				if !slices.Contains(lifecycle.EnvironmentKinds(), kind) {
					t.Errorf("command for %q, which is no kind of environment", kind)
				}
			}
			if s.Health.Test[0] != "CMD" && s.Health.Test[0] != "CMD-SHELL" {
				t.Errorf("health check starts with %q", s.Health.Test[0])
			}
			files := s.Scaffold()
			for _, file := range []string{"README.md", ".gitignore"} {
				if len(files[file]) == 0 {
					t.Errorf("the scaffold has no %s", file)
				}
			}
		})
	}
}

func TestScaffoldIsACopy(t *testing.T) {
	s, _ := stack.Get("node")
	delete(s.Scaffold(), "server.js")
	if _, ok := s.Scaffold()["server.js"]; !ok {
		t.Error("one caller's change of the scaffold reaches the next caller")
	}
}
