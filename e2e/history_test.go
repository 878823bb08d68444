package e2e

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"ferry/internal/postgrestest"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	histories         = 10 // on each engine; FERRY_HISTORIES sets another number
	historyClients    = 8
	historyOperations = 25 // of each client
)

// A step is an operation of a history on one key.
type step struct {
	kind  string // put, remove or read
	key   string
	value string // to put
}

// register is what every key is to its clients: one value, which is the empty text at first.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			byKey[o.Input.(step).key] = append(byKey[o.Input.(step).key], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(before, input, output any) (bool, any) {
		switch s := input.(step); s.kind {
		case "put":
			return true, s.value
		case "remove":
			return true, ""
		default:
			return output == before, before
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// A historian makes operations at two servers of one database, and writes down when each
// began, when it ended, and what it returned.
type historian struct {
	t       *testing.T
	clients []*socialmessaging.Client // of each server
	arn     string                    // of the linked account
	began   time.Time

	mu      sync.Mutex
	history []porcupine.Operation
}

// do makes an operation at one of the servers.
func (h *historian) do(ctx context.Context, client int, s step) {
	server := h.clients[rand.N(len(h.clients))]
	make := h.tag
	if s.key == "destination" {
		make = h.destination
	}
	call := time.Since(h.began)
	output, err := make(ctx, server, s)
	took := time.Since(h.began)
	if err != nil {
		h.t.Errorf("%+v: %v", s, err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history = append(h.history, porcupine.Operation{ClientId: client, Input: s, Call: int64(call), Output: output, Return: int64(took)})
}

// tag is an operation on a tag.
func (h *historian) tag(ctx context.Context, server *socialmessaging.Client, s step) (value string, err error) {
	switch s.kind {
	case "put":
		_, err = server.TagResource(ctx, &socialmessaging.TagResourceInput{ResourceArn: &h.arn, Tags: []types.Tag{{Key: &s.key, Value: &s.value}}})
		return "", err
	case "remove":
		_, err = server.UntagResource(ctx, &socialmessaging.UntagResourceInput{ResourceArn: &h.arn, TagKeys: []string{s.key}})
		return "", err
	}
	list, err := server.ListTagsForResource(ctx, &socialmessaging.ListTagsForResourceInput{ResourceArn: &h.arn})
	if err != nil {
		return "", err
	}
	for _, tag := range list.Tags {
		if *tag.Key == s.key {
			return *tag.Value, nil
		}
	}
	return "", nil
}

// destination is an operation on the destination of the account's events.
func (h *historian) destination(ctx context.Context, server *socialmessaging.Client, s step) (topic string, err error) {
	list := []types.WhatsAppBusinessAccountEventDestination{}
	switch s.kind {
	case "put":
		list = append(list, types.WhatsAppBusinessAccountEventDestination{EventDestinationArn: &s.value})
		fallthrough
	case "remove":
		_, err = server.PutWhatsAppBusinessAccountEventDestinations(ctx, &socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput{Id: &h.arn, EventDestinations: list})
		return "", err
	}
	linked, err := server.GetLinkedWhatsAppBusinessAccount(ctx, &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &h.arn})
	if err != nil || len(linked.Account.EventDestinations) == 0 {
		return "", err
	}
	return *linked.Account.EventDestinations[0].EventDestinationArn, nil
}

// run makes the operations of a history.
func (h *historian) run(number int) {
	h.history, h.began = nil, time.Now()
	keys := []string{"a", "b", "destination"}
	for _, key := range keys {
		h.do(h.t.Context(), historyClients, step{"remove", key, ""})
	}
	var clients sync.WaitGroup
	for client := range historyClients {
		clients.Go(func() {
			for i := range historyOperations {
				h.do(h.t.Context(), client, step{kind: []string{"put", "put", "remove", "read", "read", "read"}[rand.N(6)], key: keys[rand.N(len(keys))],
					value: fmt.Sprintf("arn:aws:sns:us-east-1:111122223333:v-%d-%d-%d", number, client, i)})
			}
		})
	}
	clients.Wait()
}

// Callers of two servers over one database see what one register for each key would return:
// each call takes effect at one moment between its beginning and its end.
func TestHistoriesOfTwoServersAreLinearizable(t *testing.T) {
	count := histories
	if text := os.Getenv("FERRY_HISTORIES"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FERRY_HISTORIES is %q; expected a number", text)
		}
	}
	t.Run("SQLite", func(t *testing.T) { checkHistories(t, count, "") })
	t.Run("PostgreSQL", func(t *testing.T) {
		checkHistories(t, count, startPostgres(t, postgrestest.Config{}).TCPURL("ferry"))
	})
}

// checkHistories records and checks histories. An empty database is an SQLite file.
func checkHistories(t *testing.T, count int, database string) {
	in := install(t, plainBuild, startSimulator(t, noAccounts))
	if database != "" {
		in.env = append(in.env, "FERRY_DATABASE="+database)
	}
	key := in.createKey(account)
	h := &historian{t: t, arn: fmt.Sprintf("arn:aws:social-messaging:%s:%s:waba/%s", region, account, strings.TrimPrefix(in.link(account, metaAccount, metaToken).ID, "waba-"))}
	for range 2 {
		h.clients = append(h.clients, goClient(in.serve().url, key))
	}
	operations := 0
	for number := range count {
		h.run(number)
		if result := porcupine.CheckOperationsTimeout(register, h.history, time.Minute); result != porcupine.Ok {
			slices.SortFunc(h.history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
			for _, o := range h.history {
				t.Logf("%8d to %8d µs, client %d: %s", o.Call/1000, o.Return/1000, o.ClientId, register.DescribeOperation(o.Input, o.Output))
			}
			t.Fatalf("history %d is not linearizable: %s", number, result)
		}
		operations += len(h.history)
	}
	t.Logf("%d histories with %d operations are linearizable", count, operations)
}
