package gateway

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

var templated = template.Must(template.ParseFS(templates, "templates/*.tmpl"))

// workers is the number of nginx worker processes: known, so that a reload can be watched to its end.
const workers = 2

// securityHeaders are the defaults of a route that does not switch them off.
var securityHeaders = []struct{ Name, Value string }{
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "SAMEORIGIN"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
}

// rendering is the nginx configuration for a set of routes.
type rendering struct {
	// files of the generation's folder. Each route has two of its own, one for the http level and one for its
	// locations, so that nginx's "[emerg] … in …/locations/shop.dev.conf:12" names the route.
	files  map[string][]byte
	config func(folder string) []byte // of the main file, which includes those of folder
}

// digest is the same for the same configuration, whatever its folder.
func (r rendering) digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		fmt.Fprintf(sum, "%s\x00%d\x00%s", name, len(r.files[name]), r.files[name])
	}
	sum.Write(r.config(""))
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// locationData is what the templates of one route see.
type locationData struct {
	Route
	Bare, Upstream, Unavailable string
	Literal                     string // the path as a pattern that matches nothing else
	ProjectZone, ClientZone     string
	Headers                     []struct{ Name, Value string }
}

// render writes the configuration for routes, the same for the same routes in whatever order. A route with a value that
// could mean anything else to nginx than meant is refused with a [*RouteError].
func render(routes map[key]Route) (rendering, error) {
	files := map[string][]byte{
		// nginx ignores this line, since it does not run as root, and says so with the path of the file: that is how
		// its log shows which generation it has begun to read.
		"main.conf": []byte("user nobody;\n"),
	}
	zones := map[string]zone{}
	var upstreams, locations []string
	for _, key := range slices.SortedFunc(maps.Keys(routes), compareKeys) {
		route := routes[key]
		if err := route.validate(); err != nil {
			return rendering{}, key.fail(err)
		}
		data := locationData{
			Route: route, Bare: strings.TrimSuffix(route.Path, "/"), Upstream: key.String(),
			Literal: regexp.QuoteMeta(route.Path), Unavailable: route.unavailable(), Headers: securityHeaders,
		}
		if rate := route.RateLimit.ProjectRate; rate > 0 {
			data.ProjectZone = addZone(zones, zone{Key: "project:" + route.Namespace, Rate: rate, Size: "64k"}, "project_"+route.Namespace)
		}
		if rate := route.RateLimit.ClientRate; rate > 0 {
			data.ClientZone = addZone(zones, zone{Key: "$binary_remote_addr", Rate: rate, Size: "1m"}, "client_"+route.Namespace)
		}
		if route.Serving {
			upstreams = append(upstreams, key.String())
			files["http/"+key.String()+".conf"] = execute("upstream.conf.tmpl", data)
		}
		locations = append(locations, key.String())
		files["locations/"+key.String()+".conf"] = execute("location.conf.tmpl", data)
	}
	files["limits.conf"] = execute("limits.conf.tmpl", sortedZones(zones))
	return rendering{files: files, config: func(folder string) []byte {
		return execute("nginx.conf.tmpl", map[string]any{
			"Folder": folder, "Workers": workers, "ProjectConnections": projectConnections, "Port": listenPort, "Upstreams": upstreams, "Locations": locations,
		})
	}}, nil
}

// projectConnections is how many connections of visitors one project may hold at once: a quarter of the gateway's.
const projectConnections = 1000

// zone is the shared memory in which nginx counts requests by a key.
type zone struct {
	Key, Zone, Size string
	Rate            int // requests per second
}

// addZone adds a zone, which the routes of one project with the same rate share, and answers with its name. The name
// changes with the key and the rate: nginx keeps a zone whose name it knows and refuses the reload if its key differs.
func addZone(zones map[string]zone, wanted zone, name string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", wanted.Key, wanted.Rate, wanted.Size))
	wanted.Zone = name + "_" + hex.EncodeToString(sum[:4])
	zones[wanted.Zone] = wanted
	return wanted.Zone
}

func sortedZones(zones map[string]zone) []zone {
	sorted := make([]zone, 0, len(zones))
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		sorted = append(sorted, zones[name])
	}
	return sorted
}

func compareKeys(a, b key) int { return strings.Compare(a.String(), b.String()) }

func execute(name string, data any) []byte {
	var buffer bytes.Buffer
	if err := templated.ExecuteTemplate(&buffer, name, data); err != nil {
		panic(err) // the templates are part of the program
	}
	return buffer.Bytes()
}
