// The sample account of the world: its access key, its linked WhatsApp
// Business Account, its bucket. Kept with the data, made when missing.

package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/admin"
	"ferry/internal/local/bucketdir"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
)

// sampleKey finds the developer's access key, or makes it, and finds the token
// of an account that was linked before, or makes one.
func (e *Environment) sampleKey(ctx context.Context, db *state.DB) error {
	keys, err := db.AccessKeys(ctx, AccountID)
	if err != nil {
		return err
	}
	e.MetaToken = secret.New("EAA" + rand.Text())
	for _, key := range keys {
		if key.Name != keyName {
			continue
		}
		if key, err = db.AccessKey(ctx, key.ID); err != nil {
			return err
		}
		e.AccessKeyID, e.SecretAccessKey = key.ID, key.Secret
		return nil
	}
	key, err := admin.CreateAccessKey(ctx, db, AccountID, keyName, admin.FullAccessPolicy)
	e.AccessKeyID, e.SecretAccessKey = key.ID, key.Secret
	return err
}

// linkSample links the sample account as `ferry account link` does. Linked
// again after a restart it keeps its ids and takes the new token.
func (e *Environment) linkSample(ctx context.Context) error {
	linked, err := admin.LinkAccount(ctx, e.Gateway.Graph(), e.Gateway.State(), admin.Link{
		AccountID: AccountID, MetaID: metaAccountID, AppID: metaAppID, Token: e.MetaToken,
	})
	if err != nil {
		return err
	}
	e.BusinessAccountID = social.BusinessAccountID(linked)
	e.PhoneNumberID = social.PhoneNumberID(linked.PhoneNumbers[0])
	e.MetaPhoneNumberID = linked.PhoneNumbers[0].MetaID
	return nil
}

// openSimulator opens the simulator with the sample account.
func (e *Environment) openSimulator() error {
	config := metasim.Config{
		Logger: e.config.Logger,
		BusinessAccounts: []metasim.BusinessAccount{{
			ID: metaAccountID, AppID: metaAppID, Name: "Lucky Shrub", Token: e.MetaToken.Reveal(),
			PhoneNumbers: []metasim.PhoneNumber{{ID: metaPhoneNumberID, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub", QualityRating: "GREEN"}},
		}},
	}
	if e.config.Data != "" {
		storage, err := metasim.NewDirectoryStorage(filepath.Join(e.config.Data, "whatsapp"))
		if err != nil {
			return err
		}
		config.Storage = storage
	}
	e.Simulator = metasim.New(config)
	return nil
}

// openS3 opens the embedded S3 server with the sample bucket.
func (e *Environment) openS3(ctx context.Context) (http.Handler, error) {
	var backend gofakes3.Backend = s3mem.New()
	if e.config.Data != "" {
		var err error
		if backend, err = bucketdir.New(filepath.Join(e.config.Data, "buckets")); err != nil {
			return nil, err
		}
	}
	exists, err := backend.BucketExists(ctx, Bucket)
	if err == nil && !exists {
		err = backend.CreateBucket(ctx, Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("making bucket %s: %w", Bucket, err)
	}
	s3 := gofakes3.New(backend,
		gofakes3.WithLogger(gofakes3.StdLog(slog.NewLogLogger(e.config.Logger.Handler(), slog.LevelDebug))),
		gofakes3.WithV4Auth(map[string]string{e.AccessKeyID: e.SecretAccessKey.Reveal()}))
	return acceptVersion2(s3.Server(), e.Region, e.AccessKeyID, e.SecretAccessKey), nil
}

// serve serves a handler until ctx is done. It closes the listener.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
