package metasim

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// lineReader reads lines of at most maxWorldLine bytes, at most maxWorld bytes together.
type lineReader struct {
	from *bufio.Reader
	read int64
}

// next returns a line with its line feed. It returns io.ErrUnexpectedEOF for one without.
func (l *lineReader) next() (line []byte, err error) {
	for {
		part, err := l.from.ReadSlice('\n')
		line = append(line, part...)
		l.read += int64(len(part))
		switch {
		case len(line) > maxWorldLine:
			return nil, fmt.Errorf("a line has more than %d bytes", maxWorldLine)
		case l.read > maxWorld:
			return nil, fmt.Errorf("there are more than %d bytes", int64(maxWorld))
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func newWorldReader(r io.Reader) *worldReader {
	return &worldReader{lines: lineReader{from: bufio.NewReaderSize(r, 64<<10)}, digest: sha256.New()}
}

// Import replaces the state of the Server by one that Export has written. The clock continues
// from the time that it had, or stays stopped there. Accounts stay: records of others are
// kept and are in nobody's lists.
//
// Import reads r twice. If it is cut short, damaged or of a newer version, Import returns an
// error and has changed nothing. If the storage fails later, the Server has no state, as
// after Reset.
func (s *Server) Import(r io.ReadSeeker) error {
	start, err := r.Seek(0, io.SeekCurrent)
	if err == nil {
		err = verifyWorld(r)
	}
	if err == nil {
		_, err = r.Seek(start, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("metasim: import: %w", err)
	}
	s.clockChange.Lock()
	defer s.clockChange.Unlock()
	s.Reset()
	if err := s.importWorld(newWorldReader(r)); err != nil {
		s.Reset()
		return fmt.Errorf("metasim: import: %w", err)
	}
	return nil
}

// CheckExport returns what is wrong with a stream that Export has written, or nil. It reads
// the stream to its end.
func CheckExport(r io.Reader) error {
	if err := verifyWorld(r); err != nil {
		return fmt.Errorf("metasim: %w", err)
	}
	return nil
}

// verifyWorld reads a stream to its end.
func verifyWorld(r io.Reader) error {
	reader := newWorldReader(r)
	for {
		if _, err := reader.next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// importWorld adds what a stream has.
func (s *Server) importWorld(reader *worldReader) error {
	before := s.Now()
	var clock *Clock
	for {
		line, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
		case line.Clock != nil:
			clock = line.Clock
			err = s.clock.set(*clock)
		case line.Fault != nil:
			err = s.faults.restore(*line.Fault)
		case line.Delivery != nil:
			err = s.SetWebhookDelivery(*line.Delivery)
		case line.File != nil:
			err = s.importFile(reader, *line.File)
		case line.Record != nil:
			err = s.records.Put(line.Record.Kind, line.Record.ID, line.Record.Value)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(s.load()...); err != nil {
		return err
	}
	s.clockMoved(s.Now().Sub(before))
	s.changed.broadcast()
	if clock != nil {
		s.records.set(clock.Time)
	}
	return nil
}

func (s *Server) importFile(reader *worldReader, file worldFile) error {
	blob, err := s.cfg.Storage.Create(file.ID)
	if err != nil {
		return err
	}
	for left := file.Size; left > 0; {
		line, err := reader.next()
		if err == nil {
			_, err = blob.Write(line.Data)
		}
		if err != nil {
			return errors.Join(err, blob.Abort())
		}
		left -= int64(len(line.Data))
	}
	return blob.Commit()
}
