package local_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

func saved(t *testing.T, world *local.World) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := world.Save(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A world that is saved, loaded and saved again is the same bytes, whatever has happened in
// it, in memory and in a directory.
func TestSavedWorldIsTheSameAfterItIsLoaded(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			directory := func() string {
				if random.IntN(2) == 0 {
					return ""
				}
				return t.TempDir()
			}
			world := start(t, directory())
			defer func() { _ = world.Close() }()
			for n := range 20 {
				key := fmt.Sprintf("dir %d/%%<&>\u2028é+%d", random.IntN(3), n)
				switch random.IntN(4) {
				case 0:
					put(t, world, key, strings.Repeat("text\n", random.IntN(200_000)))
				case 1:
					put(t, world, "hello.txt", "hello\n")
					post(t, world, socialmessaging.PostWhatsAppMessageMediaInput{
						SourceS3File: &types.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("hello.txt")},
					})
				case 2:
					if _, err := world.Simulator.Receive(local.MetaPhoneNumberID2, metasim.Inbound{From: "16505551234", Type: "image"}); err != nil {
						t.Fatal(err)
					}
				default:
					if _, err := world.Simulator.AdvanceClock(time.Duration(random.IntN(30)) * time.Hour); err != nil {
						t.Fatal(err)
					}
				}
			}
			once := saved(t, world)
			if !bytes.Equal(once, saved(t, world)) {
				t.Error("the same world, saved twice, differs")
			}
			path := filepath.Join(t.TempDir(), "world.ferry")
			if err := os.WriteFile(path, once, 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := local.Start(t.Context(), local.Config{Data: directory(), Load: path})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = loaded.Close() }()
			if again := saved(t, loaded); !bytes.Equal(once, again) {
				t.Errorf("the world differs after it was loaded: %d and %d bytes", len(once), len(again))
			}
		})
	}
}

// No part of a file, and no file with a changed byte, is loaded.
func TestDamagedWorldIsRefused(t *testing.T) {
	world := start(t, "")
	defer func() { _ = world.Close() }()
	put(t, world, "a.txt", "hello\n")
	whole := saved(t, world)
	check := func(file []byte) error { return local.CheckWorld(bytes.NewReader(file)) }
	if err := check(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := check(whole[:n]); err == nil || n > 0 && !strings.Contains(err.Error(), "cut short") && !strings.Contains(err.Error(), "not the file of a world") {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
		changed := bytes.Clone(whole)
		changed[n] ^= 1
		if check(changed) == nil {
			t.Errorf("byte %d may change: %q", n, whole[max(n-10, 0):n+1])
		}
	}
}

// A world that cannot be loaded leaves the data directory empty.
func TestWorldThatCannotBeLoadedLeavesNothing(t *testing.T) {
	data, path := t.TempDir(), filepath.Join(t.TempDir(), "world.ferry")
	world := start(t, "")
	defer func() { _ = world.Close() }()
	if err := os.WriteFile(path, saved(t, world)[:200], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := local.Start(context.Background(), local.Config{Data: data, Load: path})
	if err == nil || !strings.Contains(err.Error(), "nothing was loaded") {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(data); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A running world takes the place of another one, and no part of a file does.
func TestWorldIsLoadedIntoARunningOne(t *testing.T) {
	world := start(t, "")
	defer func() { _ = world.Close() }()
	put(t, world, "a.txt", "hello\n")
	if _, err := world.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: "16505551234", Type: "image"}); err != nil {
		t.Fatal(err)
	}
	whole := saved(t, world)
	put(t, world, "b.txt", "another\n")
	changed := saved(t, world)
	for _, n := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		if err := world.LoadFrom(t.Context(), bytes.NewReader(whole[:n])); err == nil || !strings.Contains(err.Error(), "nothing was loaded") {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	if !bytes.Equal(saved(t, world), changed) {
		t.Error("a part of a file has changed the world")
	}
	if err := world.LoadFrom(t.Context(), bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, world), whole) {
		t.Error("the world is another one than the file's")
	}
}

// A world that was reset has no messages, events and entries, and works as before.
func TestResetWorldRemembersNothing(t *testing.T) {
	for _, data := range []string{"", t.TempDir()} {
		world := start(t, data)
		defer func() { _ = world.Close() }()
		talk := func(id string) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := apiClient(world, "us-east-1").SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
				OriginationPhoneNumberId: &world.PhoneNumberID, MetaApiVersion: aws.String(local.GraphVersion),
				Message: []byte(`{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"body":"Hello"}}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := world.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitMessage, Status: "read"}); err != nil {
				t.Fatal(err)
			}
			if _, err := world.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: "16505551234", Text: &metasim.InboundText{Body: id}}); err != nil {
				t.Fatal(err)
			}
			if _, err := world.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitWebhook, Contains: id, State: metasim.WebhookDelivered}); err != nil {
				t.Fatal(err)
			}
		}
		count := func() (events int64, entries int) {
			t.Helper()
			events, _, err := world.Gateway.State().CountEvents(t.Context(), state.EventFilter{AccountID: local.AccountID})
			if err != nil {
				t.Fatal(err)
			}
			read, err := world.Gateway.Journal().Read(t.Context(), journal.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			return events, len(read)
		}
		talk("first")
		if events, entries := count(); events < 5 || entries < 10 {
			t.Errorf("there were %d events and %d entries", events, entries)
		}
		if err := world.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if events, entries := count(); events != 0 || entries != 0 {
			t.Errorf("after the reset there are %d events and %d entries", events, entries)
		}
		talk("second")
		if events, entries := count(); events < 5 || entries < 10 {
			t.Errorf("afterwards there were %d events and %d entries", events, entries)
		}
	}
}
