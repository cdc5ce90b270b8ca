// The Go caller of the end-to-end test: net/http under otelhttp calls the fault-injecting gateway, spans go out by OTLP.
//
// In: a plan as JSON on stdin (the same one that client.py reads). Out: one JSON line per call on stdout, then one line
// {"flushed": true} when every span was acknowledged. Model host names resolve to the gateway on loopback.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// call is one line of the plan: which fault the gateway has to play, where, how often, and how the caller behaves.
type call struct {
	Fault  string `json:"fault"`
	URL    string `json:"url"`
	Times  int    `json:"times"`
	Caller string `json:"caller"` // "" waits; "cancel" gives up after a while; "distrust" does not know the gateway's CA
}

type plan struct {
	Service     string  `json:"service"`
	Endpoint    string  `json:"endpoint"`
	Protocol    string  `json:"protocol"`    // grpc | http
	Compression string  `json:"compression"` // none | gzip
	Gateway     string  `json:"gateway"`     // host:port of the gateway
	Closed      string  `json:"closed"`      // host:port where nobody listens
	CA          string  `json:"ca"`
	AppSpan     bool    `json:"app_span"`
	Timeout     float64 `json:"timeout"` // seconds
	Workers     int     `json:"workers"`
	Calls       []call  `json:"calls"`
}

// report is what the caller itself knows about one call.
type report struct {
	Fault   string  `json:"fault"`
	URL     string  `json:"url"`
	TraceID string  `json:"trace_id"`
	Seconds float64 `json:"seconds"`
	Got     string  `json:"got"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go-client:", err)
		os.Exit(1)
	}
}

func run() error {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	provider, err := traces(ctx, p)
	if err != nil {
		return err
	}
	otel.SetTracerProvider(provider)
	trusting, distrusting, err := clients(p)
	if err != nil {
		return err
	}
	reports := callAll(ctx, p, func(c call) *http.Client {
		if c.Caller == "distrust" {
			return distrusting
		}
		return trusting
	})
	if err := provider.ForceFlush(ctx); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	if err := provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	if err := exportError(); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, r := range reports {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return out.Encode(map[string]bool{"flushed": true})
}

// callAll makes every call of the plan, several at a time, and gathers what the caller saw.
func callAll(ctx context.Context, p plan, client func(call) *http.Client) []report {
	queue := make(chan call)
	var lock sync.Mutex
	var reports []report
	var workers sync.WaitGroup
	for range max(p.Workers, 1) {
		workers.Go(func() {
			for c := range queue {
				r := one(ctx, p, c, client(c))
				lock.Lock()
				reports = append(reports, r)
				lock.Unlock()
			}
		})
	}
	for _, c := range p.Calls {
		for range c.Times {
			queue <- c
		}
	}
	close(queue)
	workers.Wait()
	return reports
}

// one makes one call, inside an application span where the plan asks for one.
func one(ctx context.Context, p plan, c call, client *http.Client) report {
	var span trace.Span
	traceID := ""
	if p.AppSpan {
		ctx, span = otel.Tracer("answer").Start(ctx, "answer_question")
		traceID = span.SpanContext().TraceID().String()
		defer span.End()
	}
	began := time.Now()
	got, seen, err := post(ctx, p, c, client)
	if err != nil && span != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	if traceID == "" {
		traceID = seen
	}
	return report{Fault: c.Fault, URL: c.URL, TraceID: traceID, Seconds: time.Since(began).Seconds(), Got: got}
}

// post returns the status or the error's text, the trace id that went out, and the error an application would log.
func post(ctx context.Context, p plan, c call, client *http.Client) (string, string, error) {
	ctx, stop := context.WithTimeout(ctx, time.Duration(p.Timeout*float64(time.Second)))
	defer stop()
	if c.Caller == "cancel" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		timer := time.AfterFunc(200*time.Millisecond, cancel)
		defer timer.Stop()
		defer cancel()
	}
	seen := &traceID{}
	request, err := http.NewRequestWithContext(seen.watch(ctx), http.MethodPost, c.URL, strings.NewReader(`{"prompt": "hello"}`))
	if err != nil {
		return err.Error(), "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Test-Fault", c.Fault)
	request.Header.Set("X-Test-Caller", p.Service)
	answer, err := client.Do(request)
	if err != nil {
		return err.Error(), seen.id, fmt.Errorf("predict: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error(), seen.id, fmt.Errorf("predict: reading answer: %w", err)
	}
	if answer.StatusCode >= 400 {
		err = fmt.Errorf("predict: unexpected status %s: %.2048s", answer.Status, body)
	}
	return fmt.Sprint(answer.StatusCode), seen.id, err
}

// traceID remembers the trace of a call whose span otelhttp starts by itself.
type traceID struct{ id string }

type watchKey struct{}

func (t *traceID) watch(ctx context.Context) context.Context {
	return context.WithValue(ctx, watchKey{}, t)
}

// noting sits below otelhttp, where the client span is already in the context.
func noting(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if t, ok := request.Context().Value(watchKey{}).(*traceID); ok {
			t.id = trace.SpanContextFromContext(request.Context()).TraceID().String()
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func instrumented(base *http.Transport) *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(noting(base))}
}
