//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"ferry/metasim"
	"ferry/socialmessaging"
)

const (
	manyUploads     = 1000
	steadySize      = 2 << 20
	steadyRate      = 128 << 10 // bytes per second at which Meta receives each file
	memoryLimit     = 448       // MiB: GOMEMLIMIT of the server
	maxManyResident = 512       // MiB

	largeBodies = 2000
	// largeBody is the body of an operation with a flow of 10 MiB in base64.
	largeBody = 14_000_000

	shedPlaces  = 16                     // --max-uploads, of which one account has three quarters
	shedLatency = 200 * time.Millisecond // of Meta, so that the machine is not what limits
	shedTime    = 8 * time.Second
	shedFactor  = 10  // times the capacity that is offered
	minGoodput  = 80  // percent of what is accepted without too much load
	maxRefusal  = 250 // ms, the 99th percentile; it is the machine's when it has little to do
)

// uploads has one account upload 1,000 files at once, which Meta receives slowly.
func uploads(ctx context.Context, r *rig) ([]finding, error) {
	objects, err := startStore()
	if err != nil {
		return nil, err
	}
	defer objects.server.Close()
	end, err := r.slowMeta(ctx, metasim.Fault{BandwidthBytesPerSecond: steadyRate})
	if err != nil {
		return nil, err
	}
	defer end()
	s, err := r.start(ctx, setup{
		args: []string{objects.flag(), "--media-rate=0", "--max-uploads=1400", "--max-connections=2000", "--max-connections-per-address=2000"},
		env:  []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", memoryLimit)},
	})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	api := s.apiOver(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, s.tenants[0].key)
	idle, overIdle := float64(s.resident())/mib, s.watch()
	var failed atomic.Pointer[error]
	var done, atOnce atomic.Int64
	var all sync.WaitGroup
	started := time.Now()
	for range manyUploads {
		all.Go(func() {
			if _, err := post(ctx, api, s.tenants[0], "steady"); err != nil {
				failed.CompareAndSwap(nil, &err)
				return
			}
			done.Add(1)
		})
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for done.Load() < manyUploads && failed.Load() == nil && ctx.Err() == nil {
			atOnce.Store(max(atOnce.Load(), objects.opened.Load()-done.Load()))
			time.Sleep(10 * time.Millisecond)
		}
	}()
	all.Wait()
	<-watched
	took, peak := time.Since(started), idle+overIdle()
	if err := failed.Load(); err != nil {
		return nil, fmt.Errorf("%d of %d uploads succeeded: %w", done.Load(), manyUploads, *err)
	}
	return []finding{
		mustBe(fmt.Sprintf("%d uploads of %d MiB, up to %d at once, all arrive, in %.0f s", manyUploads, steadySize/mib, atOnce.Load(), took.Seconds()), atOnce.Load() > manyUploads*9/10),
		atMost(fmt.Sprintf("resident memory meanwhile, with GOMEMLIMIT=%dMiB", memoryLimit), peak, maxManyResident, "MiB"),
		mustBe("the server runs", s.isRunning()),
	}, nil
}

// slowMeta makes all uploads to Meta slow until end is called.
func (r *rig) slowMeta(ctx context.Context, fault metasim.Fault) (end func(), err error) {
	fault.Operation = metasim.OperationUpload
	if _, err := r.control.AddFault(ctx, fault); err != nil {
		return nil, err
	}
	return func() { _ = r.control.ClearFaults(context.WithoutCancel(ctx)) }, nil
}

// large has 2,000 clients that send bodies of 14 MB, as long as that of the largest
// operation, with the ids of keys that do not exist. Meanwhile a known key uploads files.
func large(ctx context.Context, r *rig) ([]finding, error) {
	objects, err := startStore()
	if err != nil {
		return nil, err
	}
	defer objects.server.Close()
	s, err := r.start(ctx, setup{args: []string{objects.flag()}, env: []string{"GOMEMLIMIT=256MiB"}})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	overIdle, bystander := s.watch(), s.bystander()
	end, err := s.sendAttackers(order{Kind: "large", Clients: largeBodies})
	if err != nil {
		return nil, err
	}
	upload := probe{what: "an upload of a known key", do: func(ctx context.Context) error {
		_, err := s.post(ctx, s.tenants[0], "quick")
		return err
	}}
	attacked, cancel := context.WithTimeout(ctx, attackTime)
	upload.run(attacked)
	cancel()
	served, memory := bystander(), overIdle()
	end()
	findings := append([]finding{atMost(fmt.Sprintf("memory over idle, %d clients that send %d MB", largeBodies, largeBody/1_000_000), memory, maxOverIdle, "MiB")}, upload.finding())
	return append(append(findings, served...), mustBe("the server runs", s.isRunning())), ctx.Err()
}

// An offer is what became of uploads that were offered at a rate.
type offer struct {
	accepted, refused int
	other             error           // the first one that is neither
	withoutRetryAfter int             // refusals
	answers, refusals []time.Duration // how long each took, sorted
}

// shed offers ten times the uploads that a server takes, and compares how many it takes.
func shed(ctx context.Context, r *rig) ([]finding, error) {
	objects, err := startStore()
	if err != nil {
		return nil, err
	}
	defer objects.server.Close()
	end, err := r.slowMeta(ctx, metasim.Fault{Latency: shedLatency})
	if err != nil {
		return nil, err
	}
	defer end()
	s, err := r.start(ctx, setup{args: []string{objects.flag(), "--media-rate=0", fmt.Sprint("--max-uploads=", shedPlaces)}})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	capacity := float64(shedPlaces*3/4) / shedLatency.Seconds()
	s.offer(ctx, capacity*0.9, time.Second) // what is needed once
	normal := s.offer(ctx, capacity*0.9, shedTime)
	much := s.offer(ctx, capacity*0.9*shedFactor, shedTime)
	for _, o := range []offer{normal, much} {
		if o.other != nil {
			return nil, fmt.Errorf("an upload was neither accepted nor throttled: %w", o.other)
		}
	}
	goodput := 100 * float64(much.accepted) / float64(max(1, normal.accepted))
	refusal := much.refusals[len(much.refusals)*99/100]
	slower := float64(much.answers[len(much.answers)*99/100]) / float64(normal.answers[len(normal.answers)*99/100])
	return []finding{
		{fmt.Sprintf("uploads accepted of %d times the load, percent of those of 1 times (%d, and %d were refused)", shedFactor, normal.accepted, much.refused),
			fmt.Sprintf("%.0f %%", goodput), fmt.Sprintf("≥ %d %%", minGoodput), goodput >= minGoodput},
		atMost("a refusal with ThrottledRequestException, 99th percentile", float64(refusal.Milliseconds()), maxRefusal, "ms"),
		mustBe("every refusal has Retry-After", much.withoutRetryAfter == 0 && much.refused > 0),
		atMost("an upload that is accepted, 99th percentile, times that without too much load", slower, 3, "×"),
	}, ctx.Err()
}

// offer starts uploads at a rate per second, whatever becomes of them.
func (s *server) offer(ctx context.Context, rate float64, duration time.Duration) (o offer) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	defer transport.CloseIdleConnections()
	api := s.apiOver(&http.Client{Transport: transport, Timeout: clientTimeout}, s.tenants[0].key)
	var mu sync.Mutex
	var all sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for range int(rate * duration.Seconds()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return o
		}
		all.Go(func() {
			began := time.Now()
			_, err := post(ctx, api, s.tenants[0], "quick")
			took := time.Since(began)
			exception, isException := socialmessaging.AsException(err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				o.accepted++
				o.answers = append(o.answers, took)
			case isException && exception.Status == http.StatusTooManyRequests:
				o.refused++
				o.refusals = append(o.refusals, took)
				if response, ok := errors.AsType[*awshttp.ResponseError](err); !ok || response.Response.Header.Get("Retry-After") == "" {
					o.withoutRetryAfter++
				}
			case o.other == nil:
				o.other = err
			}
		})
	}
	all.Wait()
	slices.Sort(o.answers)
	slices.Sort(o.refusals)
	return o
}
