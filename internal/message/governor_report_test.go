package message_test

import (
	"slices"
	"testing"
	"time"

	"ferry/internal/message"
)

// What Meta refuses to one process stops all of them, as far as the limit applies.
func TestRefusalStopsAllProcesses(t *testing.T) {
	otherUser, otherNumber, otherAccount := to("15550002222"), flow, flow
	otherNumber.PhoneNumberID = "n2"
	otherAccount.BusinessAccountID, otherAccount.PhoneNumberID = "b2", "n3"
	flows := map[string]message.Flow{"the same user": flow, "another user": otherUser, "another number": otherNumber, "another account": otherAccount}
	for name, test := range map[string]struct {
		result message.Result
		wait   time.Duration
		stops  []string
	}{
		"pair rate limit":              {message.Result{Code: 131056, Status: 400}, time.Second, []string{"the same user"}},
		"wrong category of a template": {message.Result{Code: 131064, Status: 400}, 10 * time.Minute, []string{"the same user"}},
		"throughput":                   {message.Result{Code: 130429, Status: 400}, time.Second, []string{"another user", "the same user"}},
		"spam":                         {message.Result{Code: 131048, Status: 400}, 10 * time.Minute, []string{"another user", "the same user"}},
		"maintenance":                  {message.Result{Code: 131057, Status: 500}, 30 * time.Second, []string{"another user", "the same user"}},
		"status 429 without a code":    {message.Result{Status: 429}, time.Second, []string{"another user", "the same user"}},
		"requests of the app":          {message.Result{Code: 4, Status: 400}, time.Minute, []string{"another number", "another user", "the same user"}},
		"requests for the account":     {message.Result{Code: 80007, Status: 400}, time.Minute, []string{"another number", "another user", "the same user"}},
		"Meta says for how long":       {message.Result{Code: 80007, Status: 400, RetryAfter: 7 * time.Minute}, 7 * time.Minute, []string{"another number", "another user", "the same user"}},
		"Meta asks for too much":       {message.Result{Code: 80007, Status: 400, RetryAfter: 48 * time.Hour}, time.Hour, []string{"another number", "another user", "the same user"}},
		"accepted":                     {message.Result{Status: 200}, 0, nil},
		"another error":                {message.Result{Code: 131026, Status: 400}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				databases := replicas(t, 2)
				here, there := newGovernor(t, message.GovernorConfig{State: databases[0]}), newGovernor(t, message.GovernorConfig{State: databases[1]})
				wait, throttled, err := here.Report(t.Context(), flow, test.result)
				if err != nil || throttled != (test.wait > 0) || wait.Round(time.Millisecond) != test.wait {
					t.Errorf("Report = %v, %v, %v; want a wait of %v", wait, throttled, err, test.wait)
				}
				var stopped []string
				for name, flow := range flows {
					if err := there.Take(t.Context(), flow); err != nil {
						stopped = append(stopped, name)
						if wait := waitOf(t, err); wait > test.wait || wait < test.wait-time.Second {
							t.Errorf("%s waits for %v, want %v", name, wait, test.wait)
						}
					}
				}
				if slices.Sort(stopped); !slices.Equal(stopped, test.stops) {
					t.Errorf("stopped: %q, want %q", stopped, test.stops)
				}
				time.Sleep(test.wait)
				for name, flow := range flows {
					if err := there.Take(t.Context(), flow); err != nil {
						t.Errorf("%s after the wait: %v", name, err)
					}
				}
			})
		})
	}
}

// refused reports refusals in a row, each after the wait that the one before asked
// for, and returns the waits in seconds.
func refused(t *testing.T, governor *message.Governor, code, number int) (waits []int) {
	t.Helper()
	for range number {
		wait, _, err := governor.Report(t.Context(), flow, message.Result{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, int(wait.Round(time.Second)/time.Second))
		time.Sleep(wait)
	}
	return waits
}

func TestFurtherRefusalsStopForLonger(t *testing.T) {
	for name, test := range map[string]struct {
		code int
		want []int
	}{
		"pair: 4^X":  {131056, []int{1, 4, 16, 64, 256, 1024, 3600, 3600}},
		"throughput": {130429, []int{1, 2, 4, 8, 16, 32, 64}},
		"account":    {80007, []int{60, 120, 240}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				governor := newGovernor(t, message.GovernorConfig{State: replicas(t, 1)[0]})
				if got := refused(t, governor, test.code, len(test.want)); !slices.Equal(got, test.want) {
					t.Errorf("the waits are %v s, want %v s", got, test.want)
				}
				time.Sleep(10 * time.Minute)
				if got := refused(t, governor, test.code, 2); !slices.Equal(got, test.want[:2]) {
					t.Errorf("the waits after ten minutes without a refusal are %v s, want %v s", got, test.want[:2])
				}
			})
		})
	}
}

// Messages that were on their way when the first of them was refused count as one.
func TestRefusalsOfMessagesOnTheirWayCountOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		governor := newGovernor(t, message.GovernorConfig{State: replicas(t, 1)[0]})
		for range 30 {
			if _, _, err := governor.Report(t.Context(), flow, message.Result{Code: 130429}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if err := governor.Take(t.Context(), flow); err != nil {
			t.Errorf("after one second: %v", err)
		}
		if got := refused(t, governor, 130429, 1); got[0] != 2 {
			t.Errorf("the next refusal stops for %d s, want 2 s", got[0])
		}
	})
}

// Messages that wait for their moment are not sent if Meta refuses another one meanwhile.
func TestRefusalStopsMessagesThatHavePermits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		governor := newGovernor(t, message.GovernorConfig{State: replicas(t, 1)[0], PerSecond: 10})
		const waiting = 10
		ends := make(chan error, waiting)
		for range waiting {
			go func() { ends <- governor.Take(t.Context(), to(message.NoRecipient)) }()
		}
		time.Sleep(450 * time.Millisecond)
		if _, _, err := governor.Report(t.Context(), flow, message.Result{Code: 130429, RetryAfter: time.Minute}); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for range waiting {
			if err := <-ends; err == nil {
				sent++
			} else if wait := waitOf(t, err); wait < 59*time.Second {
				t.Errorf("a message waits for %v", wait)
			}
		}
		if sent < 5 || sent > 6 {
			t.Errorf("%d messages were sent", sent)
		}
	})
}
