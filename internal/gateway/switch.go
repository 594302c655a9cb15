package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// maxStale is how many unread generations are remembered for removal.
const maxStale = 50

// apply writes the desired routes and, where the rendering differs from what nginx has, makes nginx take it over. When
// nginx refuses, everything is again as it was, and the error is a [*RouteError] where nginx names a route.
func (c *commit) apply(ctx context.Context, next rendering) error {
	files := c.outdated()
	if c.current(next) {
		return c.store(ctx, files, c.settings.encode(), c.before.config, c.before.record)
	}
	generation := newGeneration(next)
	if err := c.stage(ctx, generation, next); err != nil {
		return err
	}
	config := next.config(folder(generation))
	if c.at.running() {
		if err := c.test(ctx, generation); err != nil {
			c.refused = append(c.refused, generation)
			return err
		}
	}
	former := c.before
	switched := record{Generation: generation, Stale: c.stale()}
	if err := c.store(ctx, files, c.settings.encode(), config, switched); err != nil {
		return err
	}
	if err := c.takeOver(ctx, generation); err != nil {
		c.refused = append(c.refused, generation)
		return errors.Join(err, c.switchBack(ctx, former, files))
	}
	c.force = false
	switched.Applied = !c.at.frozen()
	if c.at.running() {
		switched.Stale = c.sweep(ctx, switched.Stale)
	}
	return c.store(ctx, nil, c.settings.encode(), config, switched)
}

// stage writes a generation to where nothing reads it yet.
func (c *commit) stage(ctx context.Context, generation string, next rendering) error {
	staged := map[string][]byte{}
	for name, content := range next.files {
		staged[path.Join(generationsDir, generation, name)] = content
	}
	staged[path.Join(generationsDir, generation, configFile)] = next.config(folder(generation))
	return c.write(ctx, c.at, staged)
}

// store writes the current folder in one go and remembers what it holds now.
func (c *commit) store(ctx context.Context, routes map[key][]byte, settings, config []byte, record record) error {
	files := map[string][]byte{
		path.Join(currentDir, configFile):   config,
		path.Join(currentDir, recordFile):   record.encode(),
		path.Join(currentDir, settingsFile): settings,
	}
	for key, content := range routes {
		files[key.file()] = content
	}
	if err := c.write(ctx, c.at, files); err != nil {
		return err
	}
	known := maps.Clone(c.before.files)
	maps.Copy(known, routes)
	c.before = state{routes: c.before.routes, files: known, config: config, record: record, settings: c.before.settings, settingsFile: settings}
	return nil
}

// switchBack makes the former configuration the current one again, with the routes' files as they were, and nginx read
// it, in case it was only slow. It goes on when the time for the commit is over.
func (c *commit) switchBack(ctx context.Context, former state, written map[key][]byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
	defer cancel()
	if len(former.config) == 0 {
		return nil // The very first configuration: there is nothing to go back to.
	}
	files := map[key][]byte{}
	for key := range written {
		files[key] = former.files[key]
	}
	record := former.record
	record.Stale = slices.Concat(record.Stale, c.refused)
	if err := c.store(ctx, files, former.settingsFile, former.config, record); err != nil {
		return fmt.Errorf("switch back: %w", err)
	}
	if !c.at.running() {
		return nil
	}
	return c.on.Signal(ctx, c.at.container.ID, "HUP")
}

// stale are the generations that nobody reads once the next one is taken over.
func (c *commit) stale() []string {
	stale := slices.Concat(c.before.record.Stale, c.refused)
	if former := c.before.record.Generation; former != "" {
		stale = append(stale, former)
	}
	return stale[max(0, len(stale)-maxStale):]
}

// sweep removes stale generations and the files of removed routes, and answers with what is left: everything in an image
// without rm, which costs nothing but a few kilobytes.
func (c *commit) sweep(ctx context.Context, stale []string) []string {
	command := []string{"rm", "-rf", "--"}
	for _, generation := range stale {
		command = append(command, folder(generation))
	}
	var gone []key
	for key, content := range c.before.files {
		if len(content) == 0 {
			command, gone = append(command, path.Join(volume.Root, key.file())), append(gone, key)
		}
	}
	result, err := c.on.Exec(ctx, c.at.container.ID, command)
	if err != nil || result.ExitCode != 0 {
		c.log.Debug("could not remove old generations", "gateway", c.at.name, "error", err, "output", result.Output)
		return stale
	}
	for _, key := range gone {
		delete(c.before.files, key)
	}
	return nil
}

// takeOver makes a running nginx read the switched configuration. A stopped or missing container reads it when it starts.
func (c *commit) takeOver(ctx context.Context, generation string) error {
	if c.at.container.ID == "" {
		return nil
	}
	now, err := c.on.Container(ctx, c.at.container.ID)
	if errors.Is(err, engine.ErrNotFound) {
		c.at.container = engine.ContainerSummary{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("gateway %s: look whether it runs: %w", c.at.name, err)
	}
	if c.at.container.State = now.State; !c.at.running() {
		return nil
	}
	return c.reload(ctx, c.at, generation)
}
