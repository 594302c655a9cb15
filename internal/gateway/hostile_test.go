package gateway_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// TestAccHostileRequests sends raw requests that name the project shop, or nothing, and try to get to blog.
func TestAccHostileRequests(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop, blog := h.project("shop"), h.project("blog")
	h.environment(shop, 1)
	h.environment(blog, 2)
	h.gateway.Settings = gateway.Settings{Hosts: []string{h.address, "gateway.example.com"}, Domain: "example.com"}
	h.apply(g)
	kept := h.route(shop)
	kept.Name, kept.Path, kept.StripPrefix = "kept", naming.RoutePath(shop)+"kept/", false
	var routes errgroup.Group
	routes.Go(func() error { _, err := g.SetRoute(t.Context(), h.gateway.Name, h.route(shop)); return err })
	routes.Go(func() error { _, err := g.SetRoute(t.Context(), h.gateway.Name, kept); return err })
	for _, namespace := range []string{shop, blog} {
		hosted := h.route(namespace)
		hosted.Name, hosted.Host = "hosted", namespace+".example.com"
		routes.Go(func() error { _, err := g.SetRoute(t.Context(), h.gateway.Name, hosted); return err })
	}
	routes.Go(func() error { _, err := g.SetRoute(t.Context(), h.gateway.Name, h.route(blog)); return err })
	if err := routes.Wait(); err != nil {
		t.Fatal(err)
	}
	const fromShop, fromBlog = `"id":"dev-1"`, `"id":"dev-2"`

	// send answers with everything that comes back until the gateway closes the connection.
	send := func(t *testing.T, raw string) string {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.published())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		raw = strings.NewReplacer("SHOP", shop, "BLOG", blog, "ENCODED", "%74"+blog[1:], "HOST", h.published(), "\n", "\r\n").Replace(raw)
		if _, err := io.WriteString(connection, raw); err != nil {
			t.Fatal(err)
		}
		all, _ := io.ReadAll(connection) // a reset ends it as well
		return string(all)
	}
	get := func(target string) string {
		return "GET " + target + " HTTP/1.1\nHost: HOST\nConnection: close\n\n"
	}

	for name, raw := range map[string]string{
		"plain": get("/projects/SHOP/a"), "kept": get("/projects/SHOP/kept/a"), "query": get("/projects/SHOP/?to=/projects/BLOG/../../x"),
		"dots inside": get("/projects/SHOP/a/../b"), "encoded slash inside": get("/projects/SHOP/a%2Fb"), "doubled slash inside": get("/projects/SHOP//a"),
		"absolute form": get("http://HOST/projects/SHOP/"),
	} {
		t.Run("served/"+name, func(t *testing.T) {
			if answer := send(t, raw); !strings.Contains(answer, fromShop) || strings.Contains(answer, fromBlog) {
				t.Errorf("answered %s", answer)
			}
		})
	}
	if answer := send(t, get("/projects/BLOG/")); !strings.Contains(answer, fromBlog) {
		t.Fatalf("blog itself is not served, so that nothing is shown: %s", answer)
	}

	hosted := func(target, host string) string {
		return "GET " + target + " HTTP/1.1\nHost: " + host + "\nConnection: close\n\n"
	}
	if answer := send(t, hosted("/", "BLOG.example.com")); !strings.Contains(answer, fromBlog) {
		t.Fatalf("blog's host is not served, so that nothing is shown: %s", answer)
	}

	smuggled := "GET /projects/BLOG/ HTTP/1.1\nHost: HOST\n\n"
	for name, raw := range map[string]string{
		"other path on the host":             hosted("/projects/BLOG/", "SHOP.example.com"),
		"dot segments on the host":           hosted("/../projects/BLOG/", "SHOP.example.com"),
		"host with a port of words":          hosted("/", "SHOP.example.com:BLOG.example.com"),
		"host with a user":                   hosted("/", "BLOG.example.com@SHOP.example.com"),
		"host below":                         hosted("/", "x.BLOG.example.com"),
		"host above":                         hosted("/", "example.com"),
		"host with a dot in front":           hosted("/", ".BLOG.example.com"),
		"host with a slash":                  hosted("/", "SHOP.example.com/BLOG.example.com"),
		"host with a zero":                   hosted("/", "SHOP.example.com\x00BLOG.example.com"),
		"two hosts, the other one second":    "GET / HTTP/1.1\nHost: SHOP.example.com\nHost: BLOG.example.com\nConnection: close\n\n",
		"host forwarded":                     "GET / HTTP/1.1\nHost: SHOP.example.com\nX-Forwarded-Host: BLOG.example.com\nX-Host: BLOG.example.com\nForwarded: host=BLOG.example.com\nConnection: close\n\n",
		"absolute form of the host":          "GET http://SHOP.example.com/ HTTP/1.1\nHost: BLOG.example.com\nConnection: close\n\n",
		"smuggled to the other host":         "POST / HTTP/1.1\nHost: SHOP.example.com\nContent-Length: 5\nTransfer-Encoding: chunked\nConnection: close\n\n0\n\nGET / HTTP/1.1\nHost: BLOG.example.com\n\n",
		"dot segments":                       get("/projects/SHOP/../BLOG/"),
		"dot segments, keeping the prefix":   get("/projects/SHOP/kept/../../BLOG/"),
		"dot segments, many":                 get("/projects/SHOP/a/b/../../../BLOG/"),
		"dot segments above the root":        get("/projects/SHOP/../../../../projects/BLOG/"),
		"dot segments, single":               get("/projects/./BLOG/"),
		"encoded dots":                       get("/projects/SHOP/%2e%2e/BLOG/"),
		"encoded dots, upper case":           get("/projects/SHOP/%2E%2E/BLOG/"),
		"encoded dots, one of two":           get("/projects/SHOP/.%2e/BLOG/"),
		"encoded dots and slash":             get("/projects/SHOP/%2e%2e%2fBLOG%2f"),
		"encoded slash after dots":           get("/projects/SHOP/..%2fBLOG/"),
		"encoded slash alone":                get("/projects/SHOP%2f..%2fBLOG/"),
		"encoded slash instead of any":       get("/projects%2fBLOG/"),
		"encoded twice":                      get("/projects/SHOP/%252e%252e/BLOG/"),
		"encoded twice, slash":               get("/projects/SHOP/..%252fBLOG/"),
		"encoded letters":                    get("/projects/ENCODED/"),
		"encoded letters of projects":        get("/%70rojects/BLOG/"),
		"encoded zero":                       get("/projects/SHOP/%00/../../BLOG/"),
		"overlong dots":                      get("/projects/SHOP/%c0%ae%c0%ae/BLOG/"),
		"backslash":                          get(`/projects/SHOP/..\BLOG/`),
		"backslash, encoded":                 get("/projects/SHOP/..%5cBLOG/"),
		"parameter in the segment":           get("/projects/SHOP/..;/BLOG/"),
		"doubled slash in front":             get("//projects/BLOG/"),
		"doubled slash between":              get("/projects//BLOG/"),
		"doubled slash and dots":             get("/projects/SHOP//../BLOG/"),
		"fragment":                           get("/projects/SHOP/#/../../BLOG/"),
		"question mark, encoded":             get("/projects/SHOP/%3f/../../BLOG/"),
		"space in the target":                get("/projects/SHOP/ /projects/BLOG/"),
		"tab in the target":                  get("/projects/SHOP/\t/../../BLOG/"),
		"absolute form with dots":            get("http://HOST/projects/SHOP/../BLOG/"),
		"absolute form of the backend":       get("http://BLOG.web/"),
		"absolute form by name":              get("http://development.BLOG.isolab:3000/"),
		"authority form":                     "CONNECT development.BLOG.isolab:3000 HTTP/1.1\nHost: HOST\n\n",
		"asterisk form":                      "OPTIONS * HTTP/1.1\nHost: BLOG\nConnection: close\n\n",
		"host of the backend":                "GET / HTTP/1.1\nHost: BLOG.web\nConnection: close\n\n",
		"host with a path":                   "GET /projects/SHOP/ HTTP/1.1\nHost: HOST/projects/BLOG/\nConnection: close\n\n",
		"two hosts":                          "GET /projects/SHOP/ HTTP/1.1\nHost: HOST\nHost: BLOG.web\nConnection: close\n\n",
		"no host":                            "GET /projects/SHOP/../BLOG/ HTTP/1.1\nConnection: close\n\n",
		"no version":                         "GET /projects/SHOP/../BLOG/\n\n",
		"header that rewrites":               "GET /projects/SHOP/ HTTP/1.1\nHost: HOST\nX-Original-URL: /projects/BLOG/\nX-Rewrite-URL: /projects/BLOG/\nX-Forwarded-Prefix: /projects/BLOG\nConnection: close\n\n",
		"header continued":                   "GET /projects/SHOP/ HTTP/1.1\nHost: HOST\nX-A: b\n GET /projects/BLOG/ HTTP/1.1\nConnection: close\n\n",
		"length and chunks":                  "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nContent-Length: 5\nTransfer-Encoding: chunked\nConnection: close\n\n0\n\n" + smuggled,
		"chunks and length":                  "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nContent-Length: 5\nConnection: close\n\n0\n\n" + smuggled,
		"chunks, misspelt":                   "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nTransfer-Encoding: xchunked\nConnection: close\n\n0\n\n" + smuggled,
		"chunks, before the colon":           "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nTransfer-Encoding : chunked\nContent-Length: 0\nConnection: close\n\n" + smuggled,
		"chunks, twice":                      "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\nConnection: close\n\n0\n\n" + smuggled,
		"chunk of a wrong size":              "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nConnection: close\n\n1\nabc\n0\n\n" + smuggled,
		"two lengths":                        "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nContent-Length: 0\nContent-Length: 60\nConnection: close\n\n" + smuggled,
		"length that is none":                "POST /projects/SHOP/ HTTP/1.1\nHost: HOST\nContent-Length: +0\nConnection: close\n\n" + smuggled,
		"body of a GET":                      "GET /projects/SHOP/ HTTP/1.1\nHost: HOST\nContent-Length: 70\nConnection: close\n\n" + smuggled,
		"upgrade that is a second request":   "GET /projects/SHOP/ HTTP/1.1\nHost: HOST\nUpgrade: h2c\nConnection: Upgrade, close\n\n" + smuggled,
		"after a line break in the target":   "GET /projects/SHOP/%0d%0aHost:%20BLOG%0d%0a HTTP/1.1\nHost: HOST\nConnection: close\n\n",
		"after a line break, keeping prefix": "GET /projects/SHOP/kept/%0d%0a%0d%0aGET%20/projects/BLOG/ HTTP/1.1\nHost: HOST\nConnection: close\n\n",
	} {
		t.Run("refused/"+name, func(t *testing.T) {
			if answer := send(t, raw); strings.Contains(answer, fromBlog) {
				t.Errorf("%q got to blog: %s", raw, answer)
			}
		})
	}
}
