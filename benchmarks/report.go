package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"text/template"
	"time"
)

// size is what was measured with one number of projects.
type size struct {
	Projects, Resources int

	Apply, Plan, Destroy, Reference cost
	BareApply, BareDestroy          time.Duration

	ApplyCalls, PlanCalls, DestroyCalls, BareCalls int
	PlanEngine                                     time.Duration // in which the engine was busy with a plan
}

// The budgets: ratios, calls per resource, bytes.
const (
	applyBudget   = 1.10
	destroyBudget = 1.15
	planBudget    = 3.0
	callBudget    = 1.2
	binaryBudget  = 25 << 20
)

func (s size) ApplyRatio() float64   { return ratio(s.Apply.Wall, s.BareApply) }
func (s size) DestroyRatio() float64 { return ratio(s.Destroy.Wall, s.BareDestroy) }
func (s size) PlanRatio() float64    { return ratio(s.Plan.Wall, s.Reference.Wall) }

// CallsPerResource is how many calls the engine gets for each resource that is refreshed.
func (s size) CallsPerResource() float64 { return float64(s.PlanCalls) / float64(s.Resources) }

// Core is the CPU time of Terraform itself in a plan.
func (s size) Core() time.Duration { return s.Plan.CPU - s.Plan.Provider }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// report is the whole of a run.
type report struct {
	Machine     machine
	Sizes       []size
	BinaryBytes int64
}

// machine is where the run took place.
type machine struct {
	Date, Engine, Kernel, Terraform string
	CPUs                            int
}

func describe(ctx context.Context, on *client) machine {
	var version struct{ Version, KernelVersion string }
	found := machine{Date: time.Now().UTC().Format(time.DateOnly), CPUs: runtime.NumCPU(), Engine: "unknown", Terraform: "unknown"}
	if on.get(ctx, "/version", &version) == nil {
		found.Engine, found.Kernel = version.Version, version.KernelVersion
	}
	if output, err := exec.CommandContext(ctx, "terraform", "version").Output(); err == nil {
		first, _, _ := strings.Cut(string(output), "\n")
		found.Terraform = strings.TrimPrefix(first, "Terraform v")
	}
	return found
}

// verdict is a figure with whether it keeps to its budget.
func verdict(value, budget float64) string {
	if value <= budget {
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("**%.2f** (missed)", value)
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) },
	"apply":   func(v float64) string { return verdict(v, applyBudget) },
	"destroy": func(v float64) string { return verdict(v, destroyBudget) },
	"plan":    func(v float64) string { return verdict(v, planBudget) },
	"calls":   func(v float64) string { return verdict(v, callBudget) },
	"binary": func(bytes int64) string {
		return fmt.Sprintf("%.1f MiB, %s", float64(bytes)/(1<<20), map[bool]string{true: "kept", false: "**missed**"}[bytes <= binaryBudget])
	},
}).Parse(`# Benchmarks

Written by ` + "`make bench`" + ` on {{.Machine.Date}}: Docker {{.Machine.Engine}}, Linux {{.Machine.Kernel}}, {{.Machine.CPUs}} CPUs, Terraform {{.Machine.Terraform}}.

Each project has three environments, one of each kind, and is in the phase ` + "`testing`" + `: two of them run, one is made and
stopped. Terraform drives the provider with its default parallelism of 10. All its calls to the engine are recorded on the
way. A bare client, Go's HTTP on the engine's socket, then makes those calls again that changed something, with the same
bodies, at most ten resources at a time, each project before its environments; what the provider also reads it does not
have to. Both run on the same machine, one after the other.

## Against the bare client

| projects | resources | apply | bare | ratio (≤ 1.10) | destroy | bare | ratio (≤ 1.15) | calls of apply and destroy | of these made again |
|---|---|---|---|---|---|---|---|---|---|
{{range .Sizes}}| {{.Projects}} | {{.Resources}} | {{seconds .Apply.Wall}} | {{seconds .BareApply}} | {{apply .ApplyRatio}} | {{seconds .Destroy.Wall}} | {{seconds .BareDestroy}} | {{destroy .DestroyRatio}} | {{.ApplyCalls}} + {{.DestroyCalls}} | {{.BareCalls}} |
{{end}}
## Plan without changes

| resources | plan | of as many ` + "`terraform_data`" + ` | ratio (≤ 3) | engine calls | per resource (≤ 1.2) |
|---|---|---|---|---|---|
{{range .Sizes}}| {{.Resources}} | {{seconds .Plan.Wall}} | {{seconds .Reference.Wall}} | {{plan .PlanRatio}} | {{.PlanCalls}} | {{calls .CallsPerResource}} |
{{end}}
Where its time goes:

| resources | wall | CPU of Terraform | CPU of the provider | engine busy | CPU of Terraform with ` + "`terraform_data`" + ` |
|---|---|---|---|---|---|
{{range .Sizes}}| {{.Resources}} | {{seconds .Plan.Wall}} | {{seconds .Core}} | {{seconds .Plan.Provider}} | {{seconds .PlanEngine}} | {{seconds .Reference.CPU}} |
{{end}}
A CPU profile of the provider over three plans of 240 resources (taken with Go's pprof on 2026-11-24, 5.5 s of samples) shows
the rest: 81 % is terraform-plugin-framework serving calls, 51 % those to plan, 20 % to read, 6 % to validate. It transforms
values by paths (37 %) and copies the schema's map of attributes anew for each step of a path (22 %). The provider's own
reading and planning, with what it asks of the framework, takes 15 %. Terraform itself needs as much CPU for resources with
these many attributes as the provider does, four times what it needs for ` + "`terraform_data`" + ` or more. An apply begins with
such a plan, and shares the CPUs with the engine that it waits for: that is most of what it takes beyond the bare client.

The provider's binary without debug information has {{binary .BinaryBytes}} of 25 MiB.
`))

func (r report) markdown() string {
	var text strings.Builder
	if err := page.Execute(&text, r); err != nil {
		panic(err) // the template is part of the program
	}
	return text.String()
}
