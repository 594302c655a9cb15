package provider

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"
)

// answer is what a visitor of a gateway gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// visitor asks once and follows no redirects. Every request has a connection of its own, so that it meets the workers
// that nginx has now and not those it had before a reload.
var visitor = &http.Client{
	Timeout:       20 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func visit(url string) (answer, error) {
	response, err := visitor.Get(url)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// answers sees that a URL is answered at once, without another try: an apply returns when its routes are served.
func answers(address string, status int, parts ...string) seen {
	return func() error {
		got, err := visit(address)
		if err != nil {
			return err
		}
		if got.status != status {
			err = fmt.Errorf("%s answers %d instead of %d: %s%s", address, got.status, status, got.body, told(address))
		}
		for _, part := range parts {
			if !strings.Contains(got.body, part) {
				err = errors.Join(err, fmt.Errorf("%s answers without %q: %s", address, part, got.body))
			}
		}
		return err
	}
}

// told is what the gateway that publishes a URL's port wrote into its log last, to explain an answer.
func told(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	out, err := exec.Command("sh", "-c", `docker logs --tail 10 "$(docker ps --quiet --filter publish="$1")" 2>&1`, "sh", parsed.Port()).CombinedOutput()
	return fmt.Sprintf("\nThe gateway's log: %s (%v)", out, err)
}

// heads sees that a URL is answered with headers of these values; "" stands for one that must be missing.
func heads(url string, headers map[string]string) seen {
	return func() error {
		got, err := visit(url)
		for name, want := range headers {
			if have := got.header.Get(name); have != want {
				err = errors.Join(err, fmt.Errorf("%s has %s: %q instead of %q", url, name, have, want))
			}
		}
		return err
	}
}

// upgraded sees that a connection through a gateway can be upgraded and then carries bytes both ways.
func upgraded(url string) seen {
	return func() error {
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", "websocket")
		response, err := visitor.Transport.RoundTrip(request) // a client with a timeout hides that the body can be written to
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("%s answers %d to an upgrade", url, response.StatusCode)
		}
		connection, ok := response.Body.(io.ReadWriter)
		if !ok {
			return fmt.Errorf("%s: the upgraded connection cannot be written to", url)
		}
		const sent = "there and back"
		if _, err := io.WriteString(connection, sent); err != nil {
			return err
		}
		echo := make([]byte, len(sent))
		if _, err := io.ReadFull(connection, echo); err != nil || string(echo) != sent {
			return fmt.Errorf("%s echoes %q: %w", url, echo, err)
		}
		return nil
	}
}
