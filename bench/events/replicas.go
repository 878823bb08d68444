// The cases of several servers over one PostgreSQL database: how much they take together,
// and what each upload, webhook and message costs the servers and the database.

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/bench/child"
	"ferry/socialmessaging"
)

const (
	maxReplicas = 3
	callers     = 24 // that make one call after the other
	storeSize   = 20 << 10
	bucket      = "media"
)

// replicas measures one, two and three servers, each time on a new database.
func (e *engine) replicas(ctx context.Context) (all []engineResult, err error) {
	for n := 1; n <= maxReplicas; n++ {
		name := fmt.Sprintf("%d servers", n)
		if n == 1 {
			name = "1 server"
		}
		fmt.Println("measuring", name)
		results, err := e.together(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, engineResult{name, results})
	}
	return all, nil
}

// together measures some servers over one database.
func (e *engine) together(ctx context.Context, n int) (results []result, err error) {
	dir := filepath.Join(e.directory, fmt.Sprint("replicas-", n))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	world, err := startWorld(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer world.Stop()
	f, err := e.install(ctx, dir, world)
	if err != nil {
		return nil, err
	}
	m := &replicaMeter{engine: e, database: fmt.Sprint("events_", e.databases), world: world, ferry: f}
	store := fmt.Sprintf(`{"buckets":[%q],"endpoint":%q,"region":"us-east-1","path_style":true,"access_key_id":"a","secret_access_key":"b"}`, bucket, world.receiverURL)
	for range n {
		address, err := child.FreeAddress()
		if err != nil {
			return nil, err
		}
		server, err := f.Serve(ctx, address, "--graph-url", world.graphURL, "--messages-per-second", "1000", "--media-rate", "0", "--store", store)
		if err != nil {
			return nil, err
		}
		defer server.Stop()
		m.servers, m.urls = append(m.servers, server), append(m.urls, "http://"+address)
	}
	for _, u := range []unit{{"upload", 0, m.upload}, {"webhook, with its event", 1, m.webhook}, {"message, with its event", 1, m.message}} {
		measured, err := m.measure(ctx, u)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.name, err)
		}
		results = append(results, measured...)
	}
	return results, nil
}

// A unit is what is counted.
type unit struct {
	name    string
	events  int // that the program receives of each
	request func(ctx context.Context, url string, i int) (*http.Request, error)
}

type replicaMeter struct {
	engine   *engine
	database string
	world    *world
	ferry    *child.Ferry
	servers  []*child.Process
	urls     []string
	made     atomic.Int64 // requests, of all units
	awaited  int          // events
}

// A cost is what was used since the start.
type cost struct {
	ferry, postgres float64 // seconds of CPU time
	commits, logged float64 // transactions, and bytes of PostgreSQL's log
}

func (m *replicaMeter) cost(ctx context.Context) (c cost, err error) {
	for _, server := range m.servers {
		used, err := processTime(server.PID(), 0)
		if err != nil {
			return c, err
		}
		c.ferry += used
	}
	if c.postgres, err = m.engine.postgresTime(); err != nil {
		return c, err
	}
	texts, err := m.engine.postgres.Query(ctx, m.database,
		`SELECT xact_commit::text || ' ' || pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text FROM pg_stat_database WHERE datname = current_database()`)
	if err != nil {
		return c, err
	}
	_, err = fmt.Sscan(texts[0], &c.commits, &c.logged)
	return c, err
}

// measure has callers make requests for some time, and waits until all their events are
// delivered.
func (m *replicaMeter) measure(ctx context.Context, u unit) ([]result, error) {
	if _, err := m.load(ctx, u, time.Second); err != nil { // what is needed once
		return nil, err
	}
	before, err := m.cost(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	count, err := m.load(ctx, u, m.engine.duration/3)
	if err != nil {
		return nil, err
	}
	took := time.Since(began).Seconds()
	time.Sleep(2 * time.Second) // PostgreSQL's processes report their counts each second
	after, err := m.cost(ctx)
	if err != nil {
		return nil, err
	}
	each := func(from, to float64) float64 { return (to - from) / float64(count) }
	database := 1e6 * each(before.postgres, after.postgres)
	logged := each(before.logged, after.logged)
	return []result{
		{what: u.name + ": all servers together", value: float64(count) / took, unit: "/s"},
		{what: u.name + ": CPU time of ferry", value: 1e6 * each(before.ferry, after.ferry), unit: "µs"},
		{what: u.name + ": CPU time of PostgreSQL", value: database, unit: "µs"},
		{what: u.name + ": transactions, per 100", value: 100 * each(before.commits, after.commits)},
		{what: u.name + ": log of PostgreSQL (WAL)", value: logged, unit: "bytes"},
		{what: u.name + ": computed for one core of PostgreSQL", value: 1e6 / database, unit: "/s"},
		{what: u.name + ": computed log at that rate", value: 1e6 / database * logged / (1 << 20), unit: "MiB/s"},
	}, nil
}

// load makes requests for some time, and returns their number when their events are
// delivered.
func (m *replicaMeter) load(ctx context.Context, u unit, duration time.Duration) (count int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	end := time.Now().Add(duration)
	var all sync.WaitGroup
	var done atomic.Int64
	failures := make([]error, callers)
	for i := range callers {
		all.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				n := int(m.made.Add(1))
				request, err := u.request(ctx, m.urls[n%len(m.urls)], n)
				if err == nil {
					err = ask(client, request)
				}
				if err != nil {
					failures[i] = err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	m.awaited += u.events * int(done.Load())
	_, err = m.world.await(ctx, m.awaited)
	return int(done.Load()), err
}

func (m *replicaMeter) webhook(ctx context.Context, url string, i int) (*http.Request, error) {
	return webhook(ctx, url, i)
}

func (m *replicaMeter) message(ctx context.Context, url string, i int) (*http.Request, error) {
	return send(ctx, url, m.ferry, i)
}

func (m *replicaMeter) upload(ctx context.Context, url string, i int) (*http.Request, error) {
	return signed(ctx, url, m.ferry, socialmessaging.PostWhatsAppMessageMedia.Operation, map[string]any{
		"originationPhoneNumberId": m.ferry.Phone, "sourceS3File": map[string]string{"bucketName": bucket, "key": fmt.Sprint(i, ".txt")},
	})
}

// signed returns a signed call.
func signed(ctx context.Context, url string, f *child.Ferry, operation *socialmessaging.Operation, input any) (*http.Request, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, operation.Method, url+operation.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: f.KeyID, SecretAccessKey: f.Secret}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), socialmessaging.SigningName, "us-east-1", time.Now()); err != nil {
		return nil, fmt.Errorf("signing a call: %w", err)
	}
	return request, nil
}

// postgresTime returns the CPU time that the server of PostgreSQL has used, in seconds, with
// that of its processes which have ended.
func (e *engine) postgresTime() (seconds float64, err error) {
	text, err := os.ReadFile(filepath.Join(e.postgres.Directory, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return 0, err
	}
	if seconds, err = processTime(postmaster, 2); err != nil {
		return 0, err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return 0, err
	}
	for _, pid := range strings.Fields(string(children)) {
		id, err := strconv.Atoi(pid)
		if err != nil {
			return 0, err
		}
		if used, err := processTime(id, 0); err == nil { // otherwise it has just ended
			seconds += used
		}
	}
	return seconds, nil
}

// processTime returns the CPU time of a process in seconds (proc(5)): that of its user and
// the system, and as many more fields, which are those of its children that have ended.
func processTime(pid, more int) (seconds float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third on
	if len(fields) < 15 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	for _, field := range fields[11 : 13+more] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		seconds += float64(ticks) / 100 // USER_HZ
	}
	return seconds, nil
}
