package gateway_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

const (
	nginxImage = "isolab-fixture/nginx:1"
	nodeImage  = "isolab-fixture/node:1"
)

// backend answers every request with what it got, takes every upgrade, and sends what a gateway has to mend.
const backend = `
const http = require("http");
const server = http.createServer((request, response) => {
  if (request.url.endsWith("/redirect")) { response.writeHead(302, {Location: "/login"}); return response.end(); }
  if (request.url.endsWith("/internal")) response.setHeader("X-Accel-Redirect", "/healthz");
  if (request.url.endsWith("/slow")) return setTimeout(() => response.end("slow"), 5000);
  if (request.url.endsWith("/events")) { response.setHeader("Content-Type", "text/event-stream"); return response.write("data: first\n\n"); }
  response.setHeader("X-Frame-Options", "ALLOWALL");
  response.setHeader("Set-Cookie", "session=1; Path=/");
  response.end(JSON.stringify({id: process.env.ID, url: request.url, headers: request.headers}));
});
server.on("upgrade", (request, socket) => request.url.endsWith("/echo")
  ? (socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"), socket.on("error", () => {}), socket.pipe(socket))
  : socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nupgraded"));
server.listen(3000, () => console.log("listening"));
setTimeout(() => process.exit(), 600000); process.on("SIGTERM", () => process.exit());
`

// host is a real engine with objects of one test's own.
type host struct {
	t        *testing.T
	on       *docker.Engine
	networks *network.Allocator
	id       string // distinguishes this test's names
	gateway  gateway.Spec
	address  string // at which published ports are reached
}

func newHost(t *testing.T) *host {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC to test on a real engine")
	}
	on, err := docker.Connect(context.Background(), docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)
	h := &host{t: t, on: on, id: "t" + strings.ToLower(rand.Text()[:7]), address: "127.0.0.1"}
	h.networks = network.NewAllocator(on, subnet.Pool{CIDR: netip.MustParsePrefix("10.120.0.0/16"), PrefixLength: 26})
	h.gateway = gateway.Spec{Name: h.id, Image: nginxImage, HTTPPort: freePort(t), BindAddress: h.address, PullPolicy: engine.PullNever}
	if remote, err := url.Parse(os.Getenv("DOCKER_HOST")); err == nil && remote.Scheme == "tcp" {
		h.address, h.gateway.BindAddress = remote.Hostname(), "0.0.0.0"
	}
	t.Cleanup(func() { h.removeAll(map[string]string{naming.LabelGateway: h.id}) })
	return h
}

func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// removeAll removes what carries labels, whatever state a failed test left it in.
func (h *host) removeAll(labels map[string]string) {
	ctx := context.Background()
	containers, err := h.on.Containers(ctx, labels)
	for _, container := range containers {
		err = errors.Join(err, h.on.RemoveContainer(ctx, container.ID))
	}
	volumes, listing := h.on.Volumes(ctx, labels)
	err = errors.Join(err, listing)
	for _, volume := range volumes {
		err = errors.Join(err, h.on.RemoveVolume(ctx, volume.Name))
	}
	networks, listing := h.on.Networks(ctx, labels)
	err = errors.Join(err, listing)
	for _, network := range networks {
		err = errors.Join(err, h.on.RemoveNetwork(ctx, network.ID))
	}
	if err != nil {
		h.t.Errorf("clean up: %v", err)
	}
}

// gateways are what one Terraform run would have.
func (h *host) gateways() *gateway.Gateways { return gateway.New(h.on, h.networks, nil) }

func (h *host) apply(g *gateway.Gateways) gateway.Observed {
	h.t.Helper()
	observed, err := g.Apply(h.t.Context(), h.gateway)
	if err != nil {
		h.t.Fatal(err)
	}
	return observed
}

// project makes a project's network and answers with its namespace.
func (h *host) project(name string) string {
	h.t.Helper()
	namespace := h.id + "-" + name
	labels := map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleNetwork}
	if _, err := h.networks.Create(h.t.Context(), engine.NetworkSpec{Name: naming.Network(namespace), Internal: true, Labels: labels}); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		h.removeAll(map[string]string{naming.LabelGateway: h.id}) // it is on the network
		h.removeAll(map[string]string{naming.LabelProject: namespace})
	})
	return namespace
}

const environment = "dev"

// environment starts a replica of the environment "dev" that says "dev-<replica>" of itself.
func (h *host) environment(namespace string, replica int) string {
	h.t.Helper()
	return h.replica(namespace, environment, replica)
}

// replica starts a replica of an environment that says "<environment>-<replica>" of itself.
func (h *host) replica(namespace, environment string, replica int) string {
	h.t.Helper()
	ctx := h.t.Context()
	networks, err := h.on.Networks(ctx, map[string]string{naming.LabelProject: namespace})
	if err != nil {
		h.t.Fatal(err)
	}
	address := networks[0].Subnets[0].Addr()
	for range 1 + replica {
		address = address.Next()
	}
	id, err := h.on.CreateContainer(ctx, engine.ContainerSpec{
		Name: naming.Container(namespace, environment, replica), Image: nodeImage, Command: []string{"node", "-e", backend}, Init: true,
		Env: map[string]string{"ID": fmt.Sprintf("%s-%d", environment, replica)},
		Labels: map[string]string{
			naming.LabelRole: naming.RoleEnvironment, naming.LabelProject: namespace, naming.LabelEnvironment: environment,
			naming.LabelAddress: address.String(), naming.LabelPort: "3000", naming.LabelReplica: strconv.Itoa(replica),
		},
		Networks: []engine.Endpoint{{Network: networks[0].ID, Address: address.String()}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.start(id)
	return id
}

// start returns when the backend answers. nginx would take one that has just refused for down.
func (h *host) start(id string) {
	h.t.Helper()
	begun := time.Now() // what it said in an earlier life does not count
	if err := h.on.StartContainer(h.t.Context(), id); err != nil {
		h.t.Fatal(err)
	}
	log, err := h.on.FollowLogs(h.t.Context(), id, begun)
	if err != nil {
		h.t.Fatal(err)
	}
	defer log.Close()
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if lines.Text() == "listening" {
			return
		}
	}
	h.t.Fatalf("the backend %s has ended", id)
}

func (h *host) route(namespace string) gateway.Route {
	return gateway.Route{
		Name: "web", Namespace: namespace, Environment: environment, Phase: lifecycle.Development,
		StripPrefix: true, Headers: gateway.DefaultSecurityHeaders,
	}
}

func (h *host) setRoute(g *gateway.Gateways, route gateway.Route) gateway.Route {
	h.t.Helper()
	set, err := g.SetRoute(h.t.Context(), h.gateway.Name, route)
	if err != nil {
		h.t.Fatal(err)
	}
	return set
}

// published is where the gateway is reached.
func (h *host) published() string {
	return net.JoinHostPort(h.address, strconv.Itoa(h.gateway.HTTPPort))
}

// reply is what came back through the gateway.
type reply struct {
	*http.Response
	Body    string
	ID      string            // of the replica
	URL     string            // that the backend saw
	Request map[string]string // headers that the backend saw
}

func (h *host) get(path string, headers ...string) reply {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, "http://"+h.published()+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	client := http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	result := reply{Response: response, Body: string(body)}
	var seen struct {
		ID, URL string
		Headers map[string]string
	}
	if json.Unmarshal(body, &seen) == nil {
		result.ID, result.URL, result.Request = seen.ID, seen.URL, seen.Headers
	}
	return result
}

func (h *host) wantStatus(path string, want int) reply {
	h.t.Helper()
	got := h.get(path)
	if got.StatusCode != want {
		h.t.Fatalf("GET %s: status %d, want %d; %s", path, got.StatusCode, want, got.Body)
	}
	return got
}

// reloads counts how often nginx has read its configuration anew.
func (h *host) reloads(container string) int {
	h.t.Helper()
	log, err := h.on.Logs(h.t.Context(), container, 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Count(log, ": reconfiguring")
}
