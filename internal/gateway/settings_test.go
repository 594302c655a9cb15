package gateway_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Host names separate projects: each has its own, and none gets another's or the gateway's.
func TestAccHosts(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop, blog := h.project("shop"), h.project("blog")
	h.environment(shop, 1)
	h.environment(blog, 2)
	h.gateway.Settings = gateway.Settings{
		Hosts: []string{"gateway.example.com"}, Domain: "apps.example.com",
		CustomHosts: map[string]string{"www.shop.example": shop},
	}
	h.apply(g)
	hosted := func(namespace, name, host, path string) gateway.Route {
		route := h.route(namespace)
		route.Name, route.Host, route.Path = name, host, path
		return route
	}
	own, below := shop+".apps.example.com", "api."+shop+".apps.example.com"
	h.setRoute(g, hosted(shop, "own", own, ""))
	h.setRoute(g, hosted(shop, "below", below, "/v1/"))
	h.setRoute(g, hosted(shop, "custom", "www.shop.example", "/"))
	h.setRoute(g, h.route(shop))
	h.setRoute(g, h.route(blog))

	shopPath := naming.RoutePath(shop)
	for _, test := range []struct {
		host, path string
		status     int
		seen       string // by the program
	}{
		{own, "/", 200, "/"},
		{own, "/a/b?c=d", 200, "/a/b?c=d"},
		{below, "/v1/x", 200, "/x"},
		{below, "/", 404, ""},
		{"www.shop.example", "/y", 200, "/y"},
		{"WWW.Shop.Example", "/y", 200, "/y"},
		{"gateway.example.com", shopPath + "z", 200, "/z"},
		{own, shopPath, 200, shopPath}, // all of the host's paths are the project's
		{"other.example.com", shopPath, 404, ""},
		{h.published(), shopPath, 404, ""},
		{blog + ".apps.example.com", "/", 404, ""},
		{"gateway.example.com", "/", 404, ""},
		{"other.example.com", "/healthz", 200, ""},
	} {
		got := h.get(test.path, "Host", test.host)
		if got.StatusCode != test.status || got.URL != test.seen || test.seen != "" && got.ID != "dev-1" {
			t.Errorf("%s%s: status %d, the program %q sees %q; want %d and %q", test.host, test.path, got.StatusCode, got.ID, got.URL, test.status, test.seen)
		}
		if got.StatusCode == http.StatusNotFound && (strings.Contains(got.Body, "shop") || strings.Contains(got.Body, "nginx")) {
			t.Errorf("%s%s tells who lives here: %s", test.host, test.path, got.Body)
		}
	}

	for host, owner := range map[string]string{
		own: blog, below: blog, "www.shop.example": blog, "gateway.example.com": blog, "apps.example.com": blog, "x.apps.example.com": blog, "free.example.com": blog,
		"evil" + own: shop,
	} {
		_, err := g.SetRoute(t.Context(), h.gateway.Name, hosted(owner, "taken", host, ""))
		if !errors.Is(err, gateway.ErrHostNotGranted) {
			t.Errorf("project %s gets the host %s: %v", owner, host, err)
		}
	}
	if _, err := g.SetRoute(t.Context(), h.gateway.Name, hosted(shop, "again", own, "")); !errors.Is(err, gateway.ErrPathTaken) {
		t.Errorf("two routes have one host and path: %v", err)
	}
}

// The environments behind a route get their percentages, however many replicas they have.
func TestAccCanaries(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.replica(shop, "dev", 1)
	h.replica(shop, "dev", 2)
	next := h.replica(shop, "next", 3)
	h.apply(g)
	route := h.route(shop)
	route.Canaries = map[string]int{"next": 20}
	if set := h.setRoute(g, route); len(set.Upstreams) != 3 {
		t.Fatalf("the route leads to %v", set.Upstreams)
	}
	count := func() map[string]int {
		counts := map[string]int{}
		for range 100 {
			counts[h.wantStatus(route.Path+naming.RoutePath(shop), 200).ID]++
		}
		return counts
	}
	// Smooth weighted round robin is exact for the one zone that the workers share.
	if got := count(); got["next-3"] != 20 || got["dev-1"] != 40 || got["dev-2"] != 40 {
		t.Errorf("of 100 requests got %v", got)
	}
	if err := h.on.StopContainer(t.Context(), next, time.Second); err != nil {
		t.Fatal(err)
	}
	if got := count(); got["dev-1"]+got["dev-2"] != 100 {
		t.Errorf("with the canary stopped, of 100 requests got %v", got)
	}
	h.start(next)
	route.Canaries = map[string]int{"next": 99}
	h.setRoute(g, route)
	if got := count(); got["next-3"] < 95 {
		t.Errorf("of 100 requests with 99 percent for the canary got %v", got)
	}
}

func TestAccAccess(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	made := h.apply(g)
	path := naming.RoutePath(shop)
	route := h.route(shop)
	route.BasicAuth = gateway.BasicAuth{Username: "ann"}
	if _, err := g.SetRoute(t.Context(), h.gateway.Name, route); !errors.Is(err, gateway.ErrNoPassword) {
		t.Fatalf("a route without its password: %v", err)
	}
	route.BasicAuth.Password = "correct horse"
	set := h.setRoute(g, route)
	if content := fmt.Sprintf("%+v", set); strings.Contains(content, "correct horse") {
		t.Errorf("the password is kept: %s", content)
	}
	authorized := func(password string) reply {
		request, _ := http.NewRequest(http.MethodGet, "http://x", nil)
		request.SetBasicAuth("ann", password)
		return h.get(path, "Authorization", request.Header.Get("Authorization"))
	}
	h.wantStatus(path, 401)
	if got := authorized("wrong horse"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("another password: status %d", got.StatusCode)
	}
	if got := authorized("correct horse"); got.StatusCode != http.StatusOK || got.Request["authorization"] != "" {
		t.Errorf("the password: status %d, and the program sees %q", got.StatusCode, got.Request["authorization"])
	}
	before := h.reloads(made.ContainerID)
	h.setRoute(g, route)
	route.BasicAuth.Password = ""
	h.setRoute(g, route)
	if after := h.reloads(made.ContainerID); after != before {
		t.Errorf("the same password costs %d reloads", after-before)
	}
	route.BasicAuth.Password = "battery staple"
	h.setRoute(g, route)
	if was, is := authorized("correct horse").StatusCode, authorized("battery staple").StatusCode; was != 401 || is != 200 {
		t.Errorf("after a change the former password gets %d, the new one %d", was, is)
	}
	route.BasicAuth = gateway.BasicAuth{}
	route.Allow = []string{"192.0.2.0/24", "2001:db8::/32"}
	h.setRoute(g, route)
	h.wantStatus(path, 403)
	// Whoever may not come in does not hear about the project's phase either.
	paused := route
	paused.Phase = "paused"
	h.setRoute(g, paused)
	h.wantStatus(path, 403)
	route.Allow = []string{"0.0.0.0/0"}
	h.setRoute(g, route)
	h.wantStatus(path, 200)
}

// What a trusted proxy says about its visitors is believed, and what others say is not.
func TestAccTrustedProxies(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	route := h.route(shop)
	route.Allow = []string{"198.51.100.7/32"}
	h.setRoute(g, route)
	path := naming.RoutePath(shop)
	claim := []string{"X-Forwarded-For", "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto", "https"}
	if got := h.get(path, claim...); got.StatusCode != http.StatusForbidden {
		t.Errorf("anybody is believed: status %d", got.StatusCode)
	}
	h.gateway.Settings.TrustedProxies = []string{"0.0.0.0/1"}
	if _, err := g.Apply(t.Context(), h.gateway); !errors.Is(err, gateway.ErrTrustsProjects) {
		t.Errorf("projects are trusted: %v", err)
	}
	h.gateway.Settings.TrustedProxies = []string{gateway.TrustHost} // through the loopback, as here
	observed := h.apply(g)
	before := observed.ContainerID
	if proxies := observed.Spec.Settings.TrustedProxies; len(proxies) != 1 || proxies[0] != gateway.TrustHost {
		t.Errorf("read back as %q", proxies)
	}
	got := h.get(path, claim...)
	if got.StatusCode != http.StatusOK || got.Request["x-forwarded-for"] != "198.51.100.7" || got.Request["x-forwarded-proto"] != "https" || got.Request["x-real-ip"] != "198.51.100.7" {
		t.Errorf("the proxy is not believed: status %d, the program sees %v", got.StatusCode, got.Request)
	}
	h.gateway.Settings.TrustedProxies = []string{"203.0.113.0/24"}
	if h.apply(g).ContainerID != before {
		t.Error("a setting has made the container anew")
	}
	if got := h.get(path, claim...); got.StatusCode != http.StatusForbidden {
		t.Errorf("a proxy that is not trusted is believed: status %d", got.StatusCode)
	}
}

func TestAccPages(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	container := h.environment(shop, 1)
	h.apply(g)
	route := h.route(shop)
	route.Maintenance = true
	h.setRoute(g, route)
	path := naming.RoutePath(shop)
	wantPage := func(path, part string) {
		t.Helper()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.published()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			header := response.Header
			if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), part) || header.Get("Retry-After") == "" || header.Get("Content-Type") != "text/html" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: status %d, %v: %s", method, path, response.StatusCode, header, body)
			}
		}
	}
	wantPage(path, "maintenance")
	const own = `<!doctype html><h1 class="a$b{c}">Back "soon"; we're \ on it</h1>` + "\n"
	route.Page = own
	h.setRoute(g, route)
	wantPage(path, own)
	h.wantStatus("/.isolab/"+shop+".web.html", 404)
	paused := route
	paused.Maintenance, paused.Phase = false, "paused"
	h.setRoute(g, paused)
	wantPage(path+"deeper", own)
	route.Maintenance = false
	h.setRoute(g, route)
	h.wantStatus(path, 200)
	if err := h.on.StopContainer(t.Context(), container, time.Second); err != nil {
		t.Fatal(err)
	}
	wantPage(path, own)
	// Once it has failed, nobody waits for it, though it is the only one.
	if begun := time.Now(); h.get(path).StatusCode != http.StatusServiceUnavailable || time.Since(begun) > time.Second {
		t.Errorf("a visitor waits for %s", time.Since(begun))
	}
	h.start(container)
	begun := time.Now()
	for h.get(path).StatusCode != http.StatusOK {
		if time.Since(begun) > 2*time.Second {
			t.Fatal("a restarted container gets no requests for more than 2 seconds")
		}
	}
	t.Logf("a restarted container got requests after %s", time.Since(begun))
}

// certificate makes a certificate for names, with its key.
func certificate(t *testing.T, names ...string) (string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func TestAccTLS(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	own := shop + ".apps.example.com"
	content, key := certificate(t, "gateway.example.com", own)
	h.gateway.HTTPSPort = freePort(t)
	h.gateway.Settings = gateway.Settings{Domain: "apps.example.com", TLS: gateway.TLS{Certificate: content, PrivateKey: key, Redirect: true, StrictTransportSecurity: time.Hour}}
	made := h.apply(g)
	h.setRoute(g, h.route(shop))
	hosted := h.route(shop)
	hosted.Name, hosted.Host, hosted.Headers.StrictTransportSecurity = "hosted", own, 2*time.Hour
	h.setRoute(g, hosted)
	secured := net.JoinHostPort(h.address, strconv.Itoa(h.gateway.HTTPSPort))
	type answer struct {
		status, protocol int
		strict           string
	}
	ask := func(name, path, trusted string, most uint16) (answer, error) {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(trusted))
		client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			ForceAttemptHTTP2: true, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: most},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, secured)
			},
		}}
		response, err := client.Get("https://" + name + path)
		if err != nil {
			return answer{}, err
		}
		defer response.Body.Close()
		return answer{response.StatusCode, response.ProtoMajor, response.Header.Get("Strict-Transport-Security")}, nil
	}
	for _, test := range []struct{ name, path, strict string }{
		{"gateway.example.com", naming.RoutePath(shop), "max-age=3600"}, {own, "/", "max-age=7200"},
	} {
		response, err := ask(test.name, test.path, content, tls.VersionTLS13)
		if err != nil {
			t.Fatal(err)
		}
		if response != (answer{http.StatusOK, 2, test.strict}) {
			t.Errorf("%s: %+v", test.name, response)
		}
		redirected := h.get(test.path+"x?y=z", "Host", test.name)
		if want := fmt.Sprintf("https://%s:%d%sx?y=z", test.name, h.gateway.HTTPSPort, test.path); redirected.StatusCode != http.StatusPermanentRedirect || redirected.Header.Get("Location") != want || redirected.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("HTTP answers %d to %q with %v, want %q", redirected.StatusCode, redirected.Header.Get("Location"), redirected.Header, want)
		}
	}
	h.wantStatus("/healthz", 200)
	if _, err := ask("gateway.example.com", "/", content, tls.VersionTLS12); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := ask("gateway.example.com", "/", content, tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is spoken")
	}

	renewed, renewedKey := certificate(t, "gateway.example.com")
	h.gateway.Settings.TLS.Certificate = renewed
	if _, err := g.Apply(t.Context(), h.gateway); !errors.Is(err, gateway.ErrKeyPair) || strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("a certificate with the key of another one: %v", err)
	}
	if _, err := ask("gateway.example.com", "/", content, tls.VersionTLS13); err != nil {
		t.Errorf("the former certificate serves no more: %v", err)
	}
	h.gateway.Settings.TLS.PrivateKey = renewedKey
	if h.apply(g).ContainerID != made.ContainerID {
		t.Error("a new certificate has made the container anew")
	}
	if _, err := ask("gateway.example.com", "/", renewed, tls.VersionTLS13); err != nil {
		t.Errorf("the new certificate is not served: %v", err)
	}
	h.gateway.Settings.TLS.PrivateKey = "" // as of a run that has only the certificate
	h.gateway.Settings.TLS.Redirect = false
	h.apply(g)
	if _, err := ask("gateway.example.com", "/", renewed, tls.VersionTLS13); err != nil {
		t.Errorf("the key was not kept: %v", err)
	}
	h.wantStatus(naming.RoutePath(shop), 200)
	h.gateway.HTTPSPort, h.gateway.Settings.TLS = 0, gateway.TLS{}
	h.apply(g)
	if _, err := ask("gateway.example.com", "/", renewed, tls.VersionTLS13); err == nil {
		t.Error("HTTPS is still answered")
	}
	h.wantStatus(naming.RoutePath(shop), 200)
}

func TestAccGatewayTellsWhatItDoes(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	neighbour := h.environment(shop, 1)
	h.gateway.Settings.AccessLog = true
	made := h.apply(g)
	h.setRoute(g, h.route(shop))
	h.wantStatus(naming.RoutePath(shop)+`a"b?token=secret`, 200)
	h.wantStatus("/healthz", 200) // leaves no line
	h.wantStatus("/nowhere", 404)
	// A busy engine writes down later what nginx said.
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	stream, err := h.on.FollowLogs(ctx, made.ContainerID, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var lines []map[string]any
	log := ""
	for scanner := bufio.NewScanner(stream); len(lines) < 2 && scanner.Scan(); {
		line := scanner.Text()
		log += line
		if strings.HasPrefix(line, "{") {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			lines = append(lines, fields)
		}
	}
	if len(lines) != 2 || lines[0]["namespace"] != shop || lines[0]["route"] != "web" || lines[0]["status"] != 200.0 || lines[0]["path"] != naming.RoutePath(shop)+`a%22b` ||
		lines[1]["namespace"] != "" || lines[1]["status"] != 404.0 || strings.Contains(log, "secret") {
		t.Errorf("the log holds %v", lines)
	}
	status := `exec 3<>/dev/tcp/%s/8081 && printf 'GET /stub_status HTTP/1.0\r\n\r\n' >&3 && cat <&3`
	inside, err := h.on.Exec(t.Context(), made.ContainerID, []string{"bash", "-c", fmt.Sprintf(status, "127.0.0.1")})
	if err != nil || !strings.Contains(inside.Output, "Active connections") {
		t.Errorf("inside: %v %+v", err, inside)
	}
	container, err := h.on.Container(t.Context(), made.ContainerID)
	if err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range container.Spec.Networks {
		outside, err := h.on.Exec(t.Context(), neighbour, []string{"bash", "-c", fmt.Sprintf("timeout 2 bash -c '"+strings.ReplaceAll(status, "'", `"`)+"'", endpoint.Address)})
		if err != nil || outside.ExitCode == 0 || strings.Contains(outside.Output, "Active") {
			t.Errorf("a project's container gets the status at %s: %v %+v", endpoint.Address, err, outside)
		}
	}
	h.wantStatus("/stub_status", 404)
	h.gateway.Settings.AccessLog = false
	h.apply(g)
	h.wantStatus("/unlogged", 404)
	if log, err = h.on.Logs(t.Context(), made.ContainerID, 1000); err != nil || strings.Contains(log, "/unlogged") {
		t.Errorf("requests are still logged: %v", err)
	}
}
