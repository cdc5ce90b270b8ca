// What the caller is made of: the OTLP exporter that the plan names, and HTTP clients whose every host is the gateway.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// traces builds the span pipeline. Batches leave only when the plan is done, so that one export holds parents and children.
func traces(ctx context.Context, p plan) (*sdktrace.TracerProvider, error) {
	exporter, err := exporter(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("exporter: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(noteExportError))
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(time.Minute)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", p.Service))),
	), nil
}

func exporter(ctx context.Context, p plan) (*otlptrace.Exporter, error) {
	gzip := p.Compression == "gzip"
	if p.Protocol == "grpc" {
		options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(p.Endpoint), otlptracegrpc.WithInsecure()}
		if gzip {
			options = append(options, otlptracegrpc.WithCompressor("gzip"))
		}
		return otlptracegrpc.New(ctx, options...)
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpoint(p.Endpoint), otlptracehttp.WithInsecure()}
	if gzip {
		options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	return otlptracehttp.New(ctx, options...)
}

var (
	exportLock sync.Mutex
	exportErrs []error
)

func noteExportError(err error) {
	exportLock.Lock()
	defer exportLock.Unlock()
	exportErrs = append(exportErrs, err)
}

// exportError is what the SDK's own error handler was told: an export that was refused or only partly taken.
func exportError() error {
	exportLock.Lock()
	defer exportLock.Unlock()
	return errors.Join(exportErrs...)
}

// clients returns one HTTP client that trusts the gateway's CA and one that does not.
func clients(p plan) (*http.Client, *http.Client, error) {
	pem, err := os.ReadFile(p.CA)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("%s holds no certificate", p.CA)
	}
	return instrumented(transport(p, roots)), instrumented(transport(p, x509.NewCertPool())), nil
}

// transport speaks HTTP/1.1 and opens a connection per call, so that a reset meets exactly the call it was meant for.
func transport(p plan, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		TLSNextProto:      map[string]func(string, *tls.Conn) http.RoundTripper{},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			switch host, _, _ := strings.Cut(address, ":"); {
			case strings.HasPrefix(host, "model-refused"):
				return dialer.DialContext(ctx, network, p.Closed)
			case strings.HasPrefix(host, "model-nowhere"):
				missing := &net.DNSError{Err: "no such host", Name: host, Server: "127.0.0.1:53", IsNotFound: true}
				return nil, &net.OpError{Op: "dial", Net: network, Err: missing}
			default:
				return dialer.DialContext(ctx, network, p.Gateway)
			}
		},
	}
}
