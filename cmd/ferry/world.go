// ferry world: the whole world of ferry dev as one file.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"ferry/internal/local"
	"ferry/metasim"
)

type worldCommands struct {
	Save  worldSaveCommand  `cmd:"" help:"Save the world of ferry dev, with all files, to one file; 'ferry dev --load FILE' begins in it."`
	Reset worldResetCommand `cmd:"" help:"Empty the world: files, messages, events, people, templates, faults, the clock, buckets, the journal. Accounts and keys stay."`
}

type worldSaveCommand struct {
	simulatorFlags
	File string `arg:"" help:"File, which is replaced when the world has been saved completely." placeholder:"FILE"`
}

func (c *worldSaveCommand) Run(ctx context.Context, terminal *terminal) error {
	response, err := c.worldRequest(ctx, http.MethodGet, local.WorldPath)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return replaceFile(c.File, func(out io.Writer) error {
		if err := local.CheckWorld(io.TeeReader(response.Body, out)); err != nil {
			return fmt.Errorf("what the simulator at %s sent is not a whole world: %w; a file may have been deleted meanwhile: try again", c.ControlURL, err)
		}
		return nil
	})
}

type worldResetCommand struct{ simulatorFlags }

func (c *worldResetCommand) Run(ctx context.Context, terminal *terminal) error {
	response, err := c.worldRequest(ctx, http.MethodPost, local.ResetPath)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// worldRequest sends a request to ferry dev and returns its response, which the caller
// closes.
func (f *simulatorFlags) worldRequest(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(f.ControlURL, "/")+path, nil)
	if err != nil {
		return nil, f.explain(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, f.explain(err)
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	var refused struct {
		Error string `json:"error"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	if err == nil && (json.Unmarshal(text, &refused) != nil || refused.Error == "") {
		refused.Error = "it has no world of ferry dev"
	}
	if err == nil {
		err = &metasim.ControlError{StatusCode: response.StatusCode, Message: refused.Error}
	}
	return nil, f.explain(err)
}

// replaceFile writes a file that replaces an older one only if it is complete.
func replaceFile(path string, write func(io.Writer) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = write(temporary)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// keepWorld saves the world after a program has failed, and says how to load it.
func (c *devCommand) keepWorld(ctx context.Context, world *local.World, terminal *terminal) {
	path := c.KeepWorld
	if path == "" {
		directory, err := os.MkdirTemp("", "ferry-*")
		if err != nil {
			_ = terminal.err.Printf("ferry: the world cannot be kept: %v\n", err)
			return
		}
		path = filepath.Join(directory, "world.ferry")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	if err := replaceFile(path, func(out io.Writer) error { return world.Save(ctx, out) }); err != nil {
		_ = terminal.err.Printf("ferry: the world cannot be kept: %v\n", err)
		return
	}
	with := ""
	if c.Seed != "" { // the file has no accounts
		with = "--seed " + shellArgument(c.Seed) + " "
	}
	_ = terminal.err.Printf("ferry: the world as it was is in this file; begin in it with\n  ferry dev %s--load %s\n", with, shellArgument(path))
}

func shellArgument(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return quote(path)
}
