// ferry doctor: what is wrong with a server, and what to do.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"ferry/internal/doctor"
	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/local"
	"ferry/internal/object"
	"ferry/internal/state"
	"ferry/internal/tty"
)

const (
	doctorWidth   = 100              // of its table
	doctorTimeout = 90 * time.Second // for ferry dev to examine itself
	maxExamined   = 4 << 20          // bytes of what it says
)

type doctorCommand struct {
	serveCommand
	simulatorFlags

	JSON       bool     `env:"-" help:"Print one JSON object per line."`
	Strict     bool     `env:"-" help:"Exit with 1 after a warning, too."`
	TestEvents bool     `name:"send-test-events" env:"-" help:"Send a test event to each destination, which is the only way to know whether it accepts events. Default: look only whether it is there."`
	Object     []string `env:"-" sep:"none" help:"Object, s3://BUCKET/KEY, with which its store is examined. May be repeated. Default: the newest uploads that the database knows." placeholder:"OBJECT"`
}

// Help is what kong prints below the usage.
func (c *doctorCommand) Help() string {
	return `It takes the flags, the environment and the file of 'ferry serve', and may run beside the server, or before it: it opens the database for reading, and changes nothing. Without a keyset and a database it examines the running 'ferry dev'.

Exit status: 0 all is well, or there are only warnings; 1 a check has failed (with --strict: or warns); 2 nothing could be examined.`
}

// Run examines a server and prints what was found.
func (c *doctorCommand) Run(ctx context.Context, terminal *terminal) error {
	for _, name := range c.Object {
		if bucket, key, isName := strings.Cut(strings.TrimPrefix(name, "s3://"), "/"); !strings.HasPrefix(name, "s3://") || !isName || bucket == "" || key == "" {
			return usage(terminal, fmt.Errorf("--object is %q; expected s3://BUCKET/KEY", name))
		}
	}
	examine := c.examineServer
	if c.isOfDev() {
		examine = c.examineDev
	}
	results, err := examine(ctx, doctor.Options{TestEvents: c.TestEvents, Objects: c.Object})
	if err != nil {
		return usage(terminal, err)
	}
	if err := c.print(terminal.out, results); err != nil {
		return err
	}
	if worst := doctor.Worst(results); worst == doctor.Fail || worst == doctor.Warn && c.Strict {
		return exitStatus(exitFailure)
	}
	return nil
}

// isOfDev reports whether the settings are of no server: there is neither a keyset, which
// every server needs, nor a database.
func (c *doctorCommand) isOfDev() bool {
	const defaultDatabase = "ferry.db"
	_, err := os.Stat(defaultDatabase)
	return c.KeysetFile == "" && c.Keyset.IsZero() && c.Database.Reveal() == defaultDatabase && errors.Is(err, fs.ErrNotExist)
}

func (c *doctorCommand) print(out *tty.Output, results []doctor.Result) error {
	if !c.JSON {
		return out.Printf("%s", tty.Layout(doctor.Text(results, doctorWidth)))
	}
	for _, r := range results {
		if err := out.JSON(r); err != nil {
			return err
		}
	}
	return nil
}

// examineDev lets the running ferry dev examine itself.
func (c *doctorCommand) examineDev(ctx context.Context, options doctor.Options) (results []doctor.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	body, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.ControlURL, "/")+local.DoctorPath, bytes.NewReader(body))
	if err != nil {
		return nil, c.explain(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("there is nothing to examine: no keyset is set (--keyset-file, FERRY_KEYSET), as for 'ferry serve', and 'ferry dev' does not respond: %w", c.explain(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxExamined))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d; it is not 'ferry dev' of this version", response.StatusCode)
	}
	if err == nil {
		err = json.Unmarshal(text, &results)
	}
	return results, c.explain(err)
}

// examineServer examines the server of the settings, from beside it.
func (c *doctorCommand) examineServer(ctx context.Context, options doctor.Options) ([]doctor.Result, error) {
	client, err := graph.New(c.graphFlags.config())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	settings := c.config()
	settings.Webhook, _ = c.webhook() // checkSettings says what is wrong with it
	config := doctor.Config{
		Version: version(), Mistakes: c.checkSettings(ctx), Graph: client,
		AppSecrets: settings.Webhook.AppSecrets, VerifyToken: settings.Webhook.VerifyToken,
		Connections: c.MaxConnections, Transfers: c.MaxUploads, Listeners: c.listeners(), CertFile: c.TLSCert,
	}
	config.Sealer, config.SealerErr = c.sealer(ctx)
	if config.State, config.StateErr = c.openToRead(ctx, config); config.State != nil {
		defer config.State.Close()
	}
	if config.Objects, err = object.New(ctx, settings.Objects); err == nil {
		defer config.Objects.Close()
	}
	if config.Events = openDeliverer(ctx, settings, config.State); config.Events != nil {
		defer config.Events.Close()
	}
	return doctor.Run(ctx, config, options), nil
}

// openToRead opens the database beside the server.
func (c *doctorCommand) openToRead(ctx context.Context, config doctor.Config) (*state.DB, error) {
	path := c.Database.Reveal()
	if _, err := os.Stat(path); !state.IsPostgres(path) && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s; 'ferry serve' creates it when it starts for the first time", path)
	}
	return state.OpenToRead(ctx, c.stateFlags.config(config.Sealer))
}

// openDeliverer opens what sends events to destinations; nil if that is not possible.
func openDeliverer(ctx context.Context, settings gateway.Config, db *state.DB) *event.Deliverer {
	if db == nil {
		return nil
	}
	settings.Router.State, settings.Router.Region = db, settings.API.Region
	router, err := event.NewRouter(settings.Router)
	if err != nil {
		return nil
	}
	settings.Deliverer.State, settings.Deliverer.Router = db, router
	settings.Deliverer.Stdout = func([]byte) error { return nil } // that of the server is not this one
	deliverer, err := event.NewDeliverer(ctx, settings.Deliverer)
	if err != nil {
		return nil
	}
	return deliverer
}

// listeners returns the addresses of the server.
func (c *doctorCommand) listeners() (list []doctor.Listener) {
	hasTLS := c.TLSCert != ""
	for _, l := range []doctor.Listener{
		{Name: "API", Flag: "--listen", Address: c.Listen, TLS: hasTLS},
		{Name: "webhook receiver", Flag: "--webhook-listen", Address: c.WebhookListen, TLS: hasTLS},
		{Name: "metrics", Flag: "--metrics-listen", Address: c.MetricsListen, TLS: hasTLS},
		{Name: "console", Flag: "--console-listen", Address: c.ConsoleListen, TLS: hasTLS},
	} {
		if l.Address != "" {
			list = append(list, l)
		}
	}
	return list
}
