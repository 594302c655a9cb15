package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// The folders of a gateway's volume. Everything that describes what is desired and what is served lies in one, so that
// one call reads it; a generation is what nginx includes from there.
const (
	currentDir     = "current"
	generationsDir = "generations"
	configFile     = "nginx.conf"
	recordFile     = "generation.json"
	routesDir      = "routes"
	settingsFile   = "settings.json"

	configPath = volume.Root + "/" + currentDir + "/" + configFile
)

// place is where a gateway lives on the engine.
type place struct {
	name      string
	container engine.ContainerSummary // nginx's; without ID when there is none
	next      engine.ContainerSummary // that is to take its place; without ID when there is none
	files     string                  // id of the container to read and write the volume through; "" when there is none
}

func (p place) running() bool { return p.container.State == engine.StateRunning }

// frozen reports whether nginx lives on with the configuration it has, out of reach for now.
func (p place) frozen() bool {
	return p.container.State == engine.StatePaused || p.container.State == engine.StateRestarting
}

// ErrAbsent means that a gateway has no volume. It deliberately is no [engine.ErrNotFound]: callers that ask for a route
// must not take it for one that is missing.
var ErrAbsent = errors.New("the gateway does not exist; create it before its routes")

// errGone is no [engine.ErrNotFound] for the same reason.
var errGone = errors.New("its container has just been removed")

// find looks a gateway up by its labels. Its container may be missing, but not its volume.
func (g *Gateways) find(ctx context.Context, name string) (place, error) {
	volumes, err := g.on.Volumes(ctx, labels(name))
	if err != nil {
		return place{}, fmt.Errorf("look for gateway %s: %w", name, err)
	}
	containers, err := g.on.Containers(ctx, map[string]string{naming.LabelGateway: name})
	if err != nil {
		return place{}, fmt.Errorf("look for gateway %s: %w", name, err)
	}
	return locate(name, containers, volumes)
}

// locate finds a gateway in listings that may hold others too.
func locate(name string, containers []engine.ContainerSummary, volumes []engine.Volume) (place, error) {
	found := located(name, containers)
	for _, volume := range volumes {
		if volume.Name == naming.Gateway(name) {
			return found, nil
		}
	}
	return found, fmt.Errorf("gateway %s: %w", name, ErrAbsent)
}

// located finds the containers of a gateway that has a volume.
func located(name string, containers []engine.ContainerSummary) place {
	found := place{name: name}
	for _, container := range containers {
		switch {
		case owns(name, container.Labels) && container.Name == naming.Successor(naming.Gateway(name)):
			found.next = container
		case owns(name, container.Labels):
			found.container = container
		case container.Name == naming.GatewayFiles(name):
			found.files = container.ID
		}
	}
	if found.container.ID == "" { // its place is free
		found.container, found.next = found.next, engine.ContainerSummary{}
	}
	return found
}

// owns reports whether an object with labels belongs to a gateway.
func owns(name string, labels map[string]string) bool {
	return labels[naming.LabelRole] == naming.RoleGateway && labels[naming.LabelGateway] == name
}

// record says which generation the configuration names and whether nginx is known to have taken it over.
type record struct {
	Generation string `json:"generation"`
	Applied    bool   `json:"applied"`
	// Stale are generations that nobody reads any more. Only a running container can remove them.
	Stale []string `json:"stale,omitempty"`
}

// state is what the current folder of a gateway's volume holds.
type state struct {
	routes map[key]Route
	files  map[key][]byte // of the routes; an empty one stands for a removed route, since an archive cannot delete
	config []byte
	record record
	// settings as they are, and the file that holds them; none of a gateway that was never given any.
	settings     Settings
	settingsFile []byte
}

// within calls use with a container that has the gateway's volume. It never is nginx's own, which may be removed at any
// time: see [volume.With] on what that does to a volume that is being read.
func (g *Gateways) within(ctx context.Context, at place, use func(ctx context.Context, container string) error) error {
	if at.files != "" {
		return use(ctx, at.files)
	}
	return volume.With(ctx, g.on, naming.Gateway(at.name), use)
}

// read reads the state of a gateway; an empty one of a gateway that nothing was written to yet.
func (g *Gateways) read(ctx context.Context, at place) (state, error) {
	var files map[string][]byte
	err := g.within(ctx, at, func(ctx context.Context, container string) error {
		archive, err := g.on.ReadArchive(ctx, container, path.Join(volume.Root, currentDir))
		if errors.Is(err, engine.ErrNotFound) {
			// A new volume has no such folder. But only a container that is still there can say so.
			_, err := g.on.Container(ctx, container)
			if errors.Is(err, engine.ErrNotFound) {
				return errGone
			}
			return err
		}
		if err != nil {
			return err
		}
		defer archive.Close()
		files, err = volume.Unpack(archive)
		return err
	})
	if err != nil {
		return state{}, fmt.Errorf("read the routes of gateway %s: %w", at.name, err)
	}
	return g.parse(at.name, files), nil
}

func (g *Gateways) parse(name string, files map[string][]byte) state {
	result := state{routes: map[key]Route{}, files: map[key][]byte{}, config: files[configFile], settingsFile: files[settingsFile]}
	if err := json.Unmarshal(result.settingsFile, &result.settings); err != nil && len(result.settingsFile) > 0 {
		g.log.Warn("the settings' file does not hold settings", "gateway", name)
	}
	result.settings = result.settings.withDefaults()
	if err := json.Unmarshal(files[recordFile], &result.record); err != nil {
		result.record = record{} // None yet, or none that can be trusted: the next commit writes a new one.
	}
	for file, content := range files {
		base, inside := strings.CutPrefix(file, routesDir+"/")
		key, valid := parseKey(strings.TrimSuffix(base, ".json"))
		if !inside || !valid {
			continue
		}
		result.files[key] = content
		if len(content) == 0 {
			continue
		}
		var route Route
		if err := json.Unmarshal(content, &route); err != nil || route.key() != key {
			g.log.Warn("a route's file does not hold that route", "gateway", name, "file", file)
			continue
		}
		result.routes[key] = route.withDefaults()
	}
	return result
}

// write puts files into a gateway's volume; names are relative to its root.
func (g *Gateways) write(ctx context.Context, at place, files map[string][]byte) error {
	err := g.within(ctx, at, func(ctx context.Context, container string) error {
		return g.on.WriteArchive(ctx, container, volume.Root, volume.Pack("", volume.Owner, files))
	})
	if err != nil {
		return fmt.Errorf("write to the volume of gateway %s: %w", at.name, err)
	}
	return nil
}

func (k key) file() string { return path.Join(currentDir, routesDir, k.String()+".json") }

func (r record) encode() []byte {
	content, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and a truth value always encode
	}
	return content
}
