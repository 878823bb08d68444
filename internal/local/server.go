// The servers of the world.

package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/local/bucketdir"
	"ferry/internal/object"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
)

type listeners struct{ api, simulator, s3, control net.Listener }

func (l listeners) close() {
	for _, listener := range []net.Listener{l.api, l.simulator, l.s3, l.control} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

func listen(base int) (l listeners, err error) {
	for offset, listener := range map[int]*net.Listener{0: &l.api, 1: &l.simulator, 2: &l.s3, 4: &l.control} { // 3 is the console's
		port := 0
		if base != 0 {
			port = base + offset
		}
		if *listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			l.close()
			return listeners{}, fmt.Errorf("%w; choose other ports with --port-base", err)
		}
	}
	return l, nil
}

// openGateway opens the gateway, and reads or creates the sample's access key.
func (w *World) openGateway(ctx context.Context) error {
	if w.config.Data != "" {
		if err := os.MkdirAll(w.config.Data, 0o700); err != nil {
			return err
		}
	}
	sealer, err := w.openKeyset()
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Config{Path: w.path("ferry.db", state.Memory), Sealer: sealer, CheckIntegrity: true, Logger: w.config.Logger})
	if err != nil {
		return err
	}
	if err := w.sampleKey(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	store := object.StoreConfig{Endpoint: w.S3URL, Region: w.Region, PathStyle: true, AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey}
	w.Gateway, err = gateway.Open(ctx, gateway.Config{
		State:    db,
		Sealer:   sealer,
		Graph:    graph.Config{BaseURL: w.SimulatorURL, UserAgent: "ferry-dev"},
		Objects:  object.Config{Stores: []object.StoreConfig{store}},
		API:      social.Config{Region: w.Region},
		Own:      &w.own,
		Logger:   w.config.Logger,
		Listener: w.listeners.api,
	})
	return err
}

// openSimulator opens the simulator with the sample account.
func (w *World) openSimulator() error {
	config := metasim.Config{
		Logger: w.config.Logger,
		BusinessAccounts: []metasim.BusinessAccount{{
			ID: metaAccountID, AppID: metaAppID, Name: "Lucky Shrub", Token: w.MetaToken.Reveal(),
			PhoneNumbers: []metasim.PhoneNumber{{ID: metaPhoneNumberID, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub", QualityRating: "GREEN"}},
		}},
	}
	if w.config.Data != "" {
		storage, err := metasim.NewDirectoryStorage(filepath.Join(w.config.Data, "whatsapp"))
		if err != nil {
			return err
		}
		config.Storage = storage
	}
	w.Simulator = metasim.New(config)
	return nil
}

// openS3 opens the embedded S3 server with the sample bucket.
func (w *World) openS3(ctx context.Context) (http.Handler, error) {
	var backend gofakes3.Backend = s3mem.New()
	if w.config.Data != "" {
		var err error
		if backend, err = bucketdir.New(filepath.Join(w.config.Data, "buckets")); err != nil {
			return nil, err
		}
	}
	exists, err := backend.BucketExists(ctx, Bucket)
	if err == nil && !exists {
		err = backend.CreateBucket(ctx, Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("creating bucket %s: %w", Bucket, err)
	}
	s3 := gofakes3.New(backend,
		gofakes3.WithLogger(gofakes3.StdLog(slog.NewLogLogger(w.config.Logger.Handler(), slog.LevelDebug))),
		gofakes3.WithV4Auth(map[string]string{w.AccessKeyID: w.SecretAccessKey.Reveal()}))
	return acceptVersion2(s3.Server(), w.Region, w.AccessKeyID, w.SecretAccessKey), nil
}

// serve serves a handler until ctx is done. It closes the listener.
func serve(ctx context.Context, name string, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the %s at %s failed: %w", name, listener.Addr(), err)
	}
	return nil
}
