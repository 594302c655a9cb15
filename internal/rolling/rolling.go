// Package rolling tells apart the containers that one replica of an environment has while it is replaced: the one that
// stands for it, the successor that is not ready yet, and those that have been replaced. A container's name says which
// it is, because a name is all that an engine lets one change on a container that runs: whoever looks at the engine,
// after whatever interruption, sees how far the replacement had come.
package rolling

import (
	"strconv"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Replica is one replica of an environment on the engine.
type Replica struct {
	// Current stands for the replica: visitors are led to it.
	Current *engine.ContainerSummary
	// Next was made to take its place.
	Next *engine.ContainerSummary
	// Retired have been replaced and wait for their removal.
	Retired []engine.ContainerSummary
}

// Replicas sorts the containers of one environment by the number of the replica. A container without a readable number
// is none of ours. Where nothing else stands for a replica, its successor does: that is how a replacement looks in the
// instant between the two containers' changes of name.
func Replicas(containers []engine.ContainerSummary) map[int]Replica {
	replicas := map[int]Replica{}
	for _, container := range containers {
		number, err := strconv.Atoi(container.Labels[naming.LabelReplica])
		if err != nil {
			continue
		}
		replica := replicas[number]
		replica.add(container)
		replicas[number] = replica
	}
	for number, replica := range replicas {
		if replica.Current == nil {
			replica.Current, replica.Next = replica.Next, nil
			replicas[number] = replica
		}
	}
	return replicas
}

// add puts a container in its place. One that was renamed by hand stands for its replica unless there is another.
func (r *Replica) add(container engine.ContainerSummary) {
	switch {
	case strings.HasSuffix(container.Name, naming.RetiredSuffix):
		r.Retired = append(r.Retired, container)
	case strings.HasSuffix(container.Name, naming.SuccessorSuffix):
		r.Next = &container
	case r.Current == nil:
		r.Current = &container
	case container.Name == name(container):
		r.Retired = append(r.Retired, *r.Current)
		r.Current = &container
	default:
		r.Retired = append(r.Retired, container)
	}
}

// name is what a container is called that stands for its replica.
func name(container engine.ContainerSummary) string {
	number, _ := strconv.Atoi(container.Labels[naming.LabelReplica])
	return naming.Container(container.Labels[naming.LabelProject], container.Labels[naming.LabelEnvironment], number)
}

// Standing are the containers that stand for their replicas, in no particular order.
func Standing(containers []engine.ContainerSummary) []engine.ContainerSummary {
	var standing []engine.ContainerSummary
	for _, replica := range Replicas(containers) {
		if replica.Current != nil {
			standing = append(standing, *replica.Current)
		}
	}
	return standing
}
