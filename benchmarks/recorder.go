package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"
)

// call is one request to the engine, with what is needed to make it again.
type call struct {
	method, target string // target with its query
	header         http.Header
	body           []byte
	status         int
	answer         []byte // of creations
	begun, ended   time.Time
}

// recorder stands between the provider and the engine and writes down what is asked.
type recorder struct {
	server *http.Server
	socket string

	lock sync.Mutex
	made []*call
}

// record listens on a unix socket and passes everything on to the engine's.
func record(socket, engine string) (*recorder, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	r := &recorder{socket: socket}
	passing := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	passing.Transport = over(engine)
	passing.FlushInterval = -1 // streams are passed on as they come
	passing.ModifyResponse = func(response *http.Response) error {
		one, ok := response.Request.Context().Value(callKey{}).(*call)
		if !ok {
			return nil
		}
		one.status = response.StatusCode
		if one.method != http.MethodPost || response.StatusCode != http.StatusCreated {
			return nil
		}
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		one.answer = answer
		response.Body = io.NopCloser(bytes.NewReader(answer))
		return nil
	}
	r.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		one := &call{method: request.Method, target: request.URL.RequestURI(), header: request.Header.Clone(), begun: time.Now()}
		if request.Method != http.MethodGet && request.Header.Get("Upgrade") == "" {
			body, err := io.ReadAll(request.Body)
			if err != nil {
				http.Error(writer, err.Error(), http.StatusBadGateway)
				return
			}
			one.body = body
			request.Body = io.NopCloser(bytes.NewReader(body))
		}
		r.lock.Lock()
		r.made = append(r.made, one)
		r.lock.Unlock()
		passing.ServeHTTP(writer, request.WithContext(context.WithValue(request.Context(), callKey{}, one)))
		r.lock.Lock()
		one.ended = time.Now()
		r.lock.Unlock()
	})}
	go func() { _ = r.server.Serve(listener) }() // until it is closed
	return r, nil
}

type callKey struct{}

// over is a transport to a unix socket.
func over(socket string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 100,
	}
}

func (r *recorder) host() string { return "unix://" + r.socket }

// Close ends the recording.
func (r *recorder) Close() { _ = r.server.Close() }

func (r *recorder) reset() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.made = nil
}

// calls are those since the last reset that have ended.
func (r *recorder) calls() []call {
	r.lock.Lock()
	defer r.lock.Unlock()
	var ended []call
	for _, one := range r.made {
		if !one.ended.IsZero() {
			ended = append(ended, *one)
		}
	}
	return ended
}

// busy is for how long at least one of the calls was under way.
func busy(calls []call) time.Duration {
	sorted := slices.SortedFunc(slices.Values(calls), func(a, b call) int { return a.begun.Compare(b.begun) })
	var total time.Duration
	var until time.Time
	for _, one := range sorted {
		from := one.begun
		if from.Before(until) {
			from = until
		}
		if one.ended.After(from) {
			total += one.ended.Sub(from)
			until = one.ended
		}
	}
	return total
}
