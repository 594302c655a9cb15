package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// requests is how many are made at once, in less time than one per second adds up to much.
const requests = 40

// passed is how many of the requests at once are answered with 200; the others have to be refused with 429.
func (h *host) passed(path string, headers ...string) int {
	h.t.Helper()
	passed := 0
	for range requests {
		switch got := h.get(path, headers...); got.StatusCode {
		case http.StatusOK:
			passed++
		case http.StatusTooManyRequests:
			if got.Header.Get("Retry-After") == "" {
				h.t.Error("a 429 without Retry-After")
			}
		default:
			h.t.Fatalf("GET %s: status %d", path, got.StatusCode)
		}
	}
	return passed
}

// A limit's rate, burst and key hold as soon as they are set, for their project and for nobody else.
func TestAccLimitsChange(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	busy, calm := h.project("busy"), h.project("calm")
	h.environment(busy, 1)
	h.environment(calm, 2)
	h.apply(g)
	h.setRoute(g, h.route(calm))
	route, path := h.route(busy), naming.RoutePath(busy)
	for _, test := range []struct {
		what        string
		limit       gateway.RateLimit
		headers     []string
		least, most int
	}{
		{"a burst of ten", gateway.RateLimit{ClientRate: 1, ClientBurst: 10}, nil, 11, 14},
		{"ten more of a burst", gateway.RateLimit{ClientRate: 1, ClientBurst: 20}, nil, 10, 14},
		{"no burst", gateway.RateLimit{ClientRate: 2}, nil, 1, 4},
		{"of the project", gateway.RateLimit{ProjectRate: 1, ProjectBurst: 5}, nil, 6, 9},
		{"a rate above the clients", gateway.RateLimit{ClientRate: 100000, ClientBurst: 1}, nil, requests, requests},
		{"by a header", gateway.RateLimit{ClientRate: 1, ClientBurst: 3, ClientKey: "header:X-Api-Key"}, []string{"X-Api-Key", "a"}, 4, 7},
		{"without the header", gateway.RateLimit{ClientRate: 1, ClientBurst: 8, ClientKey: "header:X-Api-Key"}, nil, 9, 12},
		{"unlimited", gateway.RateLimit{}, nil, requests, requests},
	} {
		route.RateLimit = test.limit
		h.setRoute(g, route)
		if got := h.passed(path, test.headers...); got < test.least || got > test.most {
			t.Errorf("%s: %d of %d requests pass, want %d to %d", test.what, got, requests, test.least, test.most)
		}
		if got := h.passed(naming.RoutePath(calm)); got != requests {
			t.Errorf("%s: of the neighbour's requests %d of %d pass", test.what, got, requests)
		}
	}
	// The key itself: another client has a burst of its own.
	route.RateLimit = gateway.RateLimit{ClientRate: 1, ClientBurst: 3, ClientKey: "header:X-Tenant"}
	h.setRoute(g, route)
	for _, tenant := range []string{"a", "b"} {
		if got := h.passed(path, "X-Tenant", tenant); got < 4 || got > 7 {
			t.Errorf("of tenant %s's %d requests pass %d", tenant, requests, got)
		}
	}
	route.RateLimit.ClientKey = gateway.ClientAddress
	h.setRoute(g, route)
	if got := h.passed(path, "X-Tenant", "c"); got > 7 {
		t.Errorf("by address, %d of %d requests pass", got, requests)
	}
	if got := h.passed(path, "X-Tenant", "d"); got > 5 {
		t.Errorf("another header makes another client of an address: %d of %d requests pass", got, requests)
	}

	route.RateLimit = gateway.RateLimit{}
	h.setRoute(g, route)
	h.gateway.Settings.Client = gateway.ClientLimit{Rate: 1, Burst: 10}
	h.apply(g)
	if got := h.passed(path) + h.passed(naming.RoutePath(calm)) + h.nowhere(); got < 11 || got > 18 {
		t.Errorf("over the whole gateway, %d requests of one client pass", got)
	}
}

// nowhere is how many of the requests to a path without a route are not refused for their number.
func (h *host) nowhere() int {
	h.t.Helper()
	passed := 0
	for range requests {
		if h.get("/nowhere").StatusCode == http.StatusNotFound {
			passed++
		}
	}
	return passed
}

// open begins a stream of events, which goes on until its body is closed.
func (h *host) open(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.published()+path+"events", nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		_, err = bufio.NewReader(response.Body).ReadString('\n')
	}
	return response, err
}

func TestAccConnectionLimits(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	busy, calm := h.project("busy"), h.project("calm")
	h.environment(busy, 1)
	h.environment(calm, 2)
	h.apply(g)
	route := h.route(busy)
	h.setRoute(g, h.route(calm))
	for _, limit := range []gateway.ConnectionLimit{{Client: 3}, {Project: 5}} {
		route.Connections = limit
		h.setRoute(g, route)
		ctx, cancel := context.WithCancel(t.Context())
		want := max(limit.Client, limit.Project)
		for i := range want + 2 {
			response, err := h.open(ctx, naming.RoutePath(busy))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if refused := response.StatusCode == http.StatusTooManyRequests; refused != (i >= want) {
				t.Errorf("%+v: stream %d is answered with %d", limit, i+1, response.StatusCode)
			}
		}
		h.wantStatus(naming.RoutePath(calm), 200)
		cancel()
	}
	route.Connections = gateway.ConnectionLimit{}
	h.setRoute(g, route)
	h.gateway.Settings.Client.Connections = 1
	h.apply(g)
	response, err := h.open(t.Context(), naming.RoutePath(busy))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the first stream: %v %v", response, err)
	}
	defer response.Body.Close()
	h.wantStatus(naming.RoutePath(calm), 429)
}

// A project that joins or leaves does not touch what others have open; and nothing stays open for ever.
func TestAccOpenConnections(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop, blog := h.project("shop"), h.project("blog")
	h.environment(shop, 1)
	h.environment(blog, 2)
	h.apply(g)
	route := h.route(shop)
	route.WebSocket = true
	h.setRoute(g, route)
	echo := func() net.Conn {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.published())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(connection, "GET %secho HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", naming.RoutePath(shop)); err != nil {
			t.Fatal(err)
		}
		answer, err := bufio.NewReader(connection).ReadString('\n')
		if err != nil || !strings.Contains(answer, "101") {
			t.Fatalf("the upgrade is answered with %q: %v", answer, err)
		}
		return connection
	}
	alive := func(connection net.Conn) error {
		if _, err := io.WriteString(connection, "ping\n"); err != nil {
			return err
		}
		if err := connection.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
		for lines := bufio.NewReader(connection); ; {
			line, err := lines.ReadString('\n')
			if err != nil || line == "ping\n" {
				return err
			}
		}
	}
	open := echo()
	defer open.Close()
	h.setRoute(g, h.route(blog))
	if err := alive(open); err != nil {
		t.Errorf("a project that joins closes another one's connection: %v", err)
	}
	if err := g.RemoveRoute(t.Context(), h.gateway.Name, blog, "web"); err != nil {
		t.Fatal(err)
	}
	if err := alive(open); err != nil {
		t.Errorf("a project that leaves closes another one's connection: %v", err)
	}

	h.gateway.Settings.DrainTimeout = time.Second
	h.apply(g) // the worker that has the connection knows of the former settings
	short := echo()
	defer short.Close()
	h.gateway.Settings.AccessLog = true
	h.apply(g)
	if err := short.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, short); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error("a connection keeps its worker for longer than the gateway allows")
	}
	if err := alive(open); err != nil {
		t.Errorf("the connection that was promised more has been closed: %v", err)
	}
}
