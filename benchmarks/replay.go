package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// concurrency is Terraform's own default.
const concurrency = 10

// unit are the calls that one resource took, in their order.
type unit struct {
	name      string // "bench00" or "bench00/development"
	made      []call
	removed   []call
	dependent []*unit // of a project: its environments
}

// replay makes recorded calls again: those that change something, and that succeeded. What the provider only reads is
// left out, in favour of the bare client.
type replay struct {
	projects []*unit
	byName   map[string]*unit

	lock sync.Mutex
	ids  map[string]string // of what was made when it was recorded, to what is made now
}

var (
	project     = regexp.MustCompile(`isolab_(` + prefix + `\d+)`)
	environment = regexp.MustCompile(`isolab_(` + prefix + `\d+)_(` + strings.Join(kinds, "|") + `)_1`)
	identifier  = regexp.MustCompile(`[0-9a-f]{64}`)
)

// newReplay sorts recorded calls by the resource that they belong to.
func newReplay(made, removed []call) *replay {
	r := &replay{byName: map[string]*unit{}, ids: map[string]string{}}
	owners := map[string]*unit{} // by id
	add := func(one call, to func(*unit) *[]call) {
		if !changes(one) {
			return
		}
		owner := r.owner(one, owners)
		if owner == nil {
			return // the helper image: there from the first run on
		}
		if id := created(one); id != "" {
			owners[id] = owner
		}
		list := to(owner)
		*list = append(*list, one)
	}
	for _, one := range made {
		add(one, func(u *unit) *[]call { return &u.made })
	}
	for _, one := range removed {
		add(one, func(u *unit) *[]call { return &u.removed })
	}
	return r
}

func changes(one call) bool {
	return one.method != http.MethodGet && one.method != http.MethodHead && one.status < 300 && !strings.Contains(one.target, "/images/")
}

// created is the id of what a call made; "" for none, and for volumes, which have names alone.
func created(one call) string {
	var answer struct{ ID string }
	if json.Unmarshal(one.answer, &answer) != nil {
		return ""
	}
	return answer.ID
}

// owner is the resource that a call belongs to: it names it, or something that was made for it.
func (r *replay) owner(one call, owners map[string]*unit) *unit {
	if id := identifier.FindString(one.target); id != "" && owners[id] != nil {
		if container := owners[id]; !strings.HasSuffix(one.target, "/connect") {
			return container
		}
	}
	text := one.target + string(one.body)
	if match := environment.FindStringSubmatch(one.target); match != nil {
		return r.unit(match[1], match[2])
	}
	for _, id := range identifier.FindAllString(string(one.body), -1) {
		if owners[id] != nil && strings.HasSuffix(one.target, "/connect") {
			return owners[id]
		}
	}
	if match := project.FindStringSubmatch(text); match != nil {
		return r.unit(match[1], "")
	}
	return nil
}

func (r *replay) unit(namespace, kind string) *unit {
	owner := r.byName[namespace]
	if owner == nil {
		owner = &unit{name: namespace}
		r.byName[namespace] = owner
		r.projects = append(r.projects, owner)
	}
	if kind == "" {
		return owner
	}
	name := namespace + "/" + kind
	if r.byName[name] == nil {
		r.byName[name] = &unit{name: name}
		owner.dependent = append(owner.dependent, r.byName[name])
	}
	return r.byName[name]
}

// count is how many calls are made again.
func (r *replay) count() int {
	total := 0
	for _, one := range r.byName {
		total += len(one.made) + len(one.removed)
	}
	return total
}

// create makes everything again: projects first, each one's environments as soon as it is there.
func (r *replay) create(ctx context.Context, on *client) (time.Duration, error) {
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, concurrency)
	work := func(one *unit) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		return r.again(ctx, on, one, one.made)
	}
	for _, project := range r.projects {
		group.Go(func() error {
			if err := work(project); err != nil {
				return err
			}
			for _, environment := range project.dependent {
				group.Go(func() error { return work(environment) })
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(begun), err
}

// remove takes everything away again: each project once its environments are gone.
func (r *replay) remove(ctx context.Context, on *client) (time.Duration, error) {
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, concurrency)
	work := func(one *unit) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		return r.again(ctx, on, one, one.removed)
	}
	for _, project := range r.projects {
		group.Go(func() error {
			environments, _ := errgroup.WithContext(ctx)
			for _, environment := range project.dependent {
				environments.Go(func() error { return work(environment) })
			}
			if err := environments.Wait(); err != nil {
				return err
			}
			return work(project)
		})
	}
	err := group.Wait()
	return time.Since(begun), err
}

// again makes the calls of one resource, with the ids of what is there now.
func (r *replay) again(ctx context.Context, on *client, of *unit, calls []call) error {
	for _, one := range calls {
		answer, err := on.do(ctx, one.method, r.translate(one.target), one.header.Get("Content-Type"), []byte(r.translate(string(one.body))))
		if err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		if id := created(one); id != "" {
			r.lock.Lock()
			r.ids[id] = created(call{answer: answer})
			r.lock.Unlock()
		}
	}
	return nil
}

// translate puts the ids of now in the place of those recorded.
func (r *replay) translate(text string) string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return identifier.ReplaceAllStringFunc(text, func(id string) string {
		if now, ok := r.ids[id]; ok {
			return now
		}
		return id
	})
}
