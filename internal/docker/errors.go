package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// messages tells failures apart that engines report with the same status code. The texts are those of Docker 20.10 to
// 29 (libnetwork's types and ipamapi errors); an unknown text is classified by its status code alone.
var messages = []struct {
	text string
	kind error
}{
	{"Pool overlaps with other one on this address space", engine.ErrSubnetTaken},
	{"networks have overlapping", engine.ErrSubnetTaken}, // a bridge whose removal has freed its pool and not yet ended
	{"Address already in use", engine.ErrAddressTaken},   // "bind: address already in use" is a host port's
	{"matches found on name", engine.ErrAmbiguous},
	{"has active endpoints", engine.ErrConflict},
	{"already exists in network", engine.ErrConflict},
	{"volume is in use", engine.ErrConflict},
	{"port is already allocated", engine.ErrConflict},
	{"address already in use", engine.ErrConflict},
	{"pull access denied", engine.ErrDenied},
	{"no basic auth credentials", engine.ErrDenied},
	{"unauthorized", engine.ErrDenied},
	{"authentication required", engine.ErrDenied},
	{"manifest unknown", engine.ErrNotFound},
	{"is not connected to", engine.ErrNotFound}, // a container and a network that it is to leave
}

// failure wraps what the engine answered with what was attempted on which object and with one of the engine package's
// sentinels where one fits. It is nil when err is.
func failure(err error, attempt string, args ...any) error {
	if err == nil {
		return nil
	}
	attempted := fmt.Sprintf(attempt, args...)
	if kind := classify(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", attempted, kind, err)
	}
	return fmt.Errorf("%s: %w", attempted, err)
}

func classify(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	for _, known := range messages {
		if strings.Contains(err.Error(), known.text) {
			return known.kind
		}
	}
	switch {
	case client.IsErrConnectionFailed(err), errdefs.IsUnavailable(err):
		return engine.ErrUnavailable
	case errdefs.IsNotFound(err):
		return engine.ErrNotFound
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err):
		return engine.ErrConflict
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err):
		return engine.ErrDenied
	case errdefs.IsNotImplemented(err):
		return engine.ErrUnsupported
	}
	return nil
}
