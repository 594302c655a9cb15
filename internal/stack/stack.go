// Package stack holds the stacks: what a project of a certain technology runs by default, and the files that its
// workspace starts with. A stack is data. Adding one takes a folder stacks/<name> with a stack.json and a workspace
// folder, and no change of any Go file.
package stack

import (
	"embed"
	"maps"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
)

// Stack is a technology's defaults. An environment overrides any of them. Every caller gets the same maps and slices,
// so copy them before changing anything.
type Stack struct {
	Name        string
	Description string
	// Image is a public image with a pinned tag.
	Image string
	// Port is where the scaffold listens. The servers that can be told otherwise read the variable PORT.
	Port int
	// Commands holds what each kind of environment runs, with the workspace as working directory.
	Commands  map[lifecycle.Kind][]string
	Variables map[string]string
	Health    engine.HealthCheck
	// KeepPrefix is true for servers that expect the path of their route, /projects/<namespace>/, in every request.
	// They find it in the variable ISOLAB_BASE_PATH. All others see paths without it.
	KeepPrefix bool
	// FixedPort is true where the port stands in a file of the workspace, so that no other can be asked for.
	FixedPort bool

	scaffold map[string][]byte
}

// Scaffold is the content of a new workspace by slash-separated path relative to it. It starts without installing
// anything, without a network, and mounted read-only.
func (s Stack) Scaffold() map[string][]byte { return maps.Clone(s.scaffold) }

// The prefix all: takes files such as .gitignore along.
//
//go:embed all:stacks
var embedded embed.FS

var stacks = preset.Embedded(embedded, "stacks", read)

// Names lists all stacks in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(stacks())) }

// Get is the stack of that name; false when there is none.
func Get(name string) (Stack, bool) {
	found, ok := stacks()[name]
	return found, ok
}
