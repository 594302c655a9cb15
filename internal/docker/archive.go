package docker

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
)

// ReadArchive answers with a tar archive of a file or folder of a container, running or not, mounted volumes included.
// The names in it start with the last part of path. The caller closes it.
func (e *Engine) ReadArchive(ctx context.Context, containerID, path string) (io.ReadCloser, error) {
	archive, _, err := e.client.CopyFromContainer(ctx, containerID, path)
	return archive, failure(err, "read %s of container %s", path, containerID)
}

// WriteArchive unpacks a tar archive into a folder of a container, running or not. Owners and modes are the archive's.
func (e *Engine) WriteArchive(ctx context.Context, containerID, path string, archive io.Reader) error {
	return failure(e.client.CopyToContainer(ctx, containerID, path, archive, container.CopyToContainerOptions{}),
		"write to %s of container %s", path, containerID)
}
