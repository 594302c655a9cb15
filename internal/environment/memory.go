package environment

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/go-units"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// MemoryError says that a container uses more memory than its limit shall be. The kernel would kill its processes, or
// refuse, depending on its version.
type MemoryError struct {
	Container  string
	Use, Limit int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("container %s uses %s of memory now, so it cannot be limited to %s while it runs; nothing was changed. Choose a higher limit, or let the program use less first (a restart may do: docker restart %s)",
		e.Container, units.BytesSize(float64(e.Use)), units.BytesSize(float64(e.Limit)), e.Container)
}

// fits reports a [*MemoryError] before anything is changed. Containers that are replaced or stopped anyway start anew.
func (e *Environments) fits(ctx context.Context, wanted Wanted, existing map[int]rolling.Replica) error {
	if wanted.Status == lifecycle.Stopped {
		return nil
	}
	label, err := wanted.label()
	if err != nil {
		return err
	}
	for number := 1; number <= wanted.Replicas; number++ {
		listed := existing[number].Current
		if listed == nil || !alive(listed.State) || listed.Labels[naming.LabelSpec] != label {
			continue
		}
		found, err := e.engine.Container(ctx, listed.ID)
		if errors.Is(err, engine.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if have := found.Spec.Limits.Memory; have > 0 && wanted.Limits.Memory >= have {
			continue
		}
		use, err := e.engine.MemoryUse(ctx, listed.ID)
		if err != nil {
			return err
		}
		if use > wanted.Limits.Memory {
			return &MemoryError{Container: found.Spec.Name, Use: use, Limit: wanted.Limits.Memory}
		}
	}
	return nil
}

func alive(state engine.State) bool {
	return state == engine.StateRunning || state == engine.StatePaused
}
