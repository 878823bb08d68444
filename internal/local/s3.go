// The embedded S3 server.

package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/local/bucketdir"
)

// openS3 opens the embedded S3 server with the sample bucket.
func (w *World) openS3(ctx context.Context) (http.Handler, error) {
	var backend gofakes3.Backend = s3mem.New()
	if w.config.Data != "" {
		var err error
		if backend, err = bucketdir.New(filepath.Join(w.config.Data, "buckets")); err != nil {
			return nil, err
		}
	}
	w.buckets = backend
	exists, err := backend.BucketExists(ctx, Bucket)
	if err == nil && !exists {
		err = backend.CreateBucket(ctx, Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("creating bucket %s: %w", Bucket, err)
	}
	server := func(options ...gofakes3.Option) http.Handler {
		return gofakes3.New(backend, append(options,
			gofakes3.WithLogger(gofakes3.StdLog(slog.NewLogLogger(w.config.Logger.Handler(), slog.LevelDebug))),
			gofakes3.WithV4Auth(w.keys()))...).Server()
	}
	// gofakes3 finds the bucket either in the path or in the host name.
	inPath, inHost := server(), server(gofakes3.WithHostBucket(true))
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.bucketInHost(r.Host) != "" {
			inHost.ServeHTTP(rw, r)
			return
		}
		inPath.ServeHTTP(rw, r)
	})
	version2 := presigned2{next: handler, bucket: w.bucketInHost, region: w.Region, accessKeyID: w.AccessKeyID, key: w.SecretAccessKey}
	return w.access.Hosts(w.withOrigins(refuseToken(version2))), nil
}

// bucketInHost returns the bucket that a Host header names in front of localhost or
// of a name in Config.Hosts, or "".
func (w *World) bucketInHost(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	for _, base := range append([]string{"localhost"}, w.config.Hosts...) {
		if bucket, ok := strings.CutSuffix(name, "."+base); ok {
			return bucket
		}
	}
	return ""
}

// refuseToken refuses requests with a session token, which the embedded server
// would ignore. AWS S3 refuses a token that does not belong to the access key.
func refuseToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Security-Token") == "" && !r.URL.Query().Has("X-Amz-Security-Token") {
			next.ServeHTTP(w, r)
			return
		}
		writeS3Error(w, http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid: the access key of ferry dev has no session token. "+
			"Unset AWS_SESSION_TOKEN, AWS_SECURITY_TOKEN and AWS_PROFILE, or remove aws_session_token from the profile.")
	})
}

// writeS3Error writes an error as S3 does. The message must be free of markup.
func writeS3Error(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}
