// Package quota bounds what the environments of one project may ask for together.
package quota

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"
)

// Quota is what a project may use at most. Zero of anything means that it is not bounded.
type Quota struct {
	CPUs         float64 `json:"cpus,omitempty"`
	Memory       int64   `json:"memory,omitempty"` // bytes
	Pids         int64   `json:"pids,omitempty"`
	Environments int64   `json:"environments,omitempty"`
}

// Demand is what one environment asks for: the limits of all its containers together. Whether they run plays no part,
// since a phase may start them at any time.
type Demand struct {
	Environment string // "shop/dev"
	Containers  int
	CPUs        float64
	Memory      int64 // bytes
	Pids        int64
}

// Resource is something that a quota bounds, by the name that it has in limits.
type Resource string

const (
	CPUs         Resource = "cpus"
	Memory       Resource = "memory"
	Pids         Resource = "pids"
	Environments Resource = "environments"
)

// ExceededError says by what a project would exceed its quota, and who uses what.
type ExceededError struct {
	Namespace string
	Quota     Quota
	Exceeded  []Resource
	Demands   []Demand
}

// Check compares what the environments of a project ask for with its quota; a [*ExceededError] when that is more. Only
// resources of which more is asked for than before count: who asks for no more is never refused.
func (q Quota) Check(namespace string, grown []Resource, demands []Demand) error {
	total := sum(demands)
	failure := &ExceededError{Namespace: namespace, Quota: q, Demands: demands}
	for _, resource := range grown {
		if bound, asked := q.of(resource), total.of(resource); bound > 0 && asked > bound {
			failure.Exceeded = append(failure.Exceeded, resource)
		}
	}
	if len(failure.Exceeded) == 0 {
		return nil
	}
	return failure
}

// All are the resources that a quota bounds.
func All() []Resource { return []Resource{CPUs, Memory, Pids, Environments} }

// Grown are the resources of which an environment asks for more than it has. One that has nothing is new.
func Grown(has, asks Demand) []Resource {
	var grown []Resource
	for _, resource := range All() {
		before, after := use{has, min(has.Containers, 1)}, use{asks, min(asks.Containers, 1)}
		if after.of(resource) > before.of(resource) {
			grown = append(grown, resource)
		}
	}
	return grown
}

// use is the sum of some environments' demands.
type use struct {
	Demand
	environments int
}

func sum(demands []Demand) use {
	var total use
	for _, one := range demands {
		total.Containers += one.Containers
		total.CPUs += one.CPUs
		total.Memory += one.Memory
		total.Pids += one.Pids
		if one.Containers > 0 {
			total.environments++
		}
	}
	return total
}

// of is how much of a resource is used; of CPUs, in thousandths, so that sums are exact.
func (u use) of(resource Resource) int64 {
	switch resource {
	case CPUs:
		return thousandths(u.CPUs)
	case Memory:
		return u.Memory
	case Pids:
		return u.Pids
	case Environments:
		return int64(u.environments)
	}
	return 0
}

func (q Quota) of(resource Resource) int64 {
	switch resource {
	case CPUs:
		return thousandths(q.CPUs)
	case Memory:
		return q.Memory
	case Pids:
		return q.Pids
	case Environments:
		return q.Environments
	}
	return 0
}

func thousandths(cpus float64) int64 { return int64(math.Round(cpus * 1000)) }

// text writes an amount of a resource as users do.
func (r Resource) text(amount int64) string {
	switch r {
	case CPUs:
		return fmt.Sprintf("%v CPUs", float64(amount)/1000)
	case Memory:
		return units.BytesSize(float64(amount)) + " of memory"
	case Pids, Environments:
		return fmt.Sprintf("%d %s", amount, r)
	}
	return ""
}

func (e *ExceededError) Error() string {
	total := sum(e.Demands)
	var reasons []string
	for _, resource := range e.Exceeded {
		reasons = append(reasons, fmt.Sprintf("%s instead of %s at most", resource.text(total.of(resource)), resource.text(e.Quota.of(resource))))
	}
	return fmt.Sprintf("project %s would exceed its quota: %s. Ask for less (limits, replicas, an environment that is not needed), or raise the quota of the project.\n\n%s",
		e.Namespace, strings.Join(reasons, ", "), e.table())
}

// table says who uses what.
func (e *ExceededError) table() string {
	var text strings.Builder
	writer := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(name string, containers int, cpus float64, memory, pids int64) {
		fmt.Fprintf(writer, "  %s\t%d\t%v\t%s\t%d\n", name, containers, math.Round(cpus*1000)/1000, units.BytesSize(float64(memory)), pids)
	}
	fmt.Fprintln(writer, "  environment\tcontainers\tcpus\tmemory\tpids")
	demands := slices.SortedFunc(slices.Values(e.Demands), func(a, b Demand) int { return cmp.Compare(a.Environment, b.Environment) })
	for _, one := range demands {
		line(one.Environment, one.Containers, one.CPUs, one.Memory, one.Pids)
	}
	total := sum(e.Demands)
	line("together", total.Containers, total.CPUs, total.Memory, total.Pids)
	_ = writer.Flush() // into memory
	return strings.TrimRight(text.String(), "\n")
}

// Lock names the lock under which the quota of a namespace is drawn on.
func Lock(namespace string) string { return "quota_" + namespace }
