package provider

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// streaming answers with events as they come and echoes what comes over an upgraded connection, without knowing its prefix.
const streaming = `
require('http').createServer((request, response) => {
  if (request.url !== '/events') return response.end('page ' + request.url);
  response.writeHead(200, {'Content-Type': 'text/event-stream'});
  response.write('data: first\n\n');
  setTimeout(() => response.write('data: second\n\n'), 300);
}).on('upgrade', (request, socket) => {
  if (request.url !== '/socket') return socket.destroy();
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.pipe(socket);
}).listen(process.env.PORT)`

// based is a dev server in the manner of Vite with its base option: it serves, and upgrades, below its own prefix alone,
// and tells where that is for anything else.
const based = `
const base = process.env.BASE;
require('http').createServer((request, response) => {
  if (!request.url.startsWith(base)) { response.statusCode = 404; return response.end('did you mean ' + base); }
  response.end('<script type="module" src="' + base + '@client"></script> ' + request.url);
}).on('upgrade', (request, socket) => {
  if (request.url !== base + '@hmr') return socket.destroy();
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.pipe(socket);
}).listen(process.env.PORT)`

// rooted is a program that wants paths without the prefix and makes links with what the gateway says about it.
const rooted = `
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/old':
            self.send_response(302); self.send_header('Location', '/new'); self.end_headers(); return
        body = (self.path + ' below ' + str(self.headers['X-Forwarded-Prefix'])).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()`

// An app in each way of dealing with its prefix, with what it streams.
func TestAccRouteApps(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	app := func(name, stack, interpreter, flag, program, route string) string {
		return fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  stack       = %[2]q
  phase       = "deployment"
  data_policy = "delete"
}

resource "isolab_environment" %[1]q {
  project   = isolab_project.%[1]s
  kind      = "deployment"
  command   = [%[3]q, %[4]q, %[5]q]
  variables = { BASE = "/projects/PREFIX-%[1]s/" }
}

resource "isolab_route" %[1]q {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.%[1]s
  environment = isolab_environment.%[1]s.name
%[6]s
}
`, name, stack, interpreter, flag, program, route)
	}
	// HCL's templates begin with what the programs do not have.
	b.test(b.applied(edge(port, "")+
		app("stream", "node", "node", "-e", streaming, "")+
		app("vite", "react", "node", "-e", based, "")+
		app("api", "python", "python3", "-c", rooted, ""),
		answers(b.at(port, "-stream/a"), 200, "page /a"), upgraded(b.at(port, "-stream/socket")), events(b.at(port, "-stream/events"), "first", "second"),
		answers(b.at(port, "-vite/src/app.js?t=1"), 200, "/projects/"+b.name("vite")+"/src/app.js?t=1"), upgraded(b.at(port, "-vite/@hmr")),
		answers(b.at(port, "-api/a/b?c=d"), 200, "/a/b?c=d below /projects/"+b.name("api")),
		heads(b.at(port, "-api/old"), map[string]string{"Location": "/projects/" + b.name("api") + "/new"}),
	))
}

// events sees that a stream of server-sent events passes one by one.
func events(url string, want ...string) seen {
	return func() error {
		response, err := visitor.Get(url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
			return fmt.Errorf("%s answers %d with %q", url, response.StatusCode, kind)
		}
		stream := bufio.NewReader(response.Body)
		for _, event := range want {
			line, err := stream.ReadString('\n')
			if err != nil || strings.TrimSpace(line) != "data: "+event {
				return fmt.Errorf("%s streams %q instead of %q: %w", url, line, event, err)
			}
			if _, err := stream.ReadString('\n'); err != nil {
				return err
			}
		}
		return nil
	}
}
