package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// client speaks to the engine with nothing but Go's own HTTP.
type client struct{ http *http.Client }

func newClient(socket string) *client { return &client{&http.Client{Transport: over(socket)}} }

// do makes one call; an answer of 300 and more is an error.
func (c *client) do(ctx context.Context, method, target, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, target, response.Status, strings.TrimSpace(string(answer)))
	}
	return answer, err
}

func (c *client) get(ctx context.Context, target string, into any) error {
	answer, err := c.do(ctx, http.MethodGet, target, "", nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// sweep removes everything that a benchmark made, whatever became of it.
func sweep(ctx context.Context, on *client) error {
	var containers []struct {
		ID     string `json:"Id"`
		Names  []string
		Mounts []struct{ Name string }
	}
	var networks []struct {
		ID   string `json:"Id"`
		Name string
	}
	var volumes struct{ Volumes []struct{ Name string } }
	err := errors.Join(
		on.get(ctx, "/containers/json?all=1", &containers),
		on.get(ctx, "/networks", &networks),
		on.get(ctx, "/volumes", &volumes),
	)
	remove := func(target, name string) {
		if strings.Contains(name, "isolab_"+prefix) {
			_, failed := on.do(ctx, http.MethodDelete, target, "", nil)
			err = errors.Join(err, failed)
		}
	}
	for _, one := range containers {
		names := one.Names
		for _, mount := range one.Mounts { // of a helper, which has no name of the project's
			names = append(names, mount.Name)
		}
		remove("/containers/"+one.ID+"?force=1&v=1", strings.Join(names, " "))
	}
	for _, one := range networks {
		remove("/networks/"+one.ID, one.Name)
	}
	for _, one := range volumes.Volumes {
		remove("/volumes/"+url.PathEscape(one.Name), one.Name)
	}
	return err
}
