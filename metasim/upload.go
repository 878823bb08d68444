package metasim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sniffed   = 4 << 10 // bytes of a file that are looked at to know what it is
	mostTaken = 100     // ids in a row that the storage may know already
)

// uploadResult is the whole answer to an upload.
type uploadResult struct {
	ID string `json:"id"`
}

// upload takes a file in (meta-cloud-api.md §3.1). Token and number are
// checked before a byte of the body is read.
func (s *Server) upload(x *exchange, accounts map[string]bool) (any, *apiError) {
	if !s.owns(accounts, x.target.id) {
		return nil, unsupported("post", x.target.id)
	}
	form, err := openForm(x.r)
	if err != nil {
		return nil, err
	}
	in := &intake{exchange: x, fields: map[string]string{}}
	file, err := in.read(form)
	if err != nil {
		in.abandon()
		return nil, err
	}
	return uploadResult{ID: file.ID}, nil
}

// intake is an upload on its way from the wire to the storage.
type intake struct {
	*exchange
	fields map[string]string
	file   Media // what is known of the file; ID is empty before its part
	blob   Blob  // nil before the file's part and after Commit
}

// read takes all parts and, when nothing is wrong with any of them, makes the
// file available.
func (in *intake) read(form *form) (Media, *apiError) {
	for {
		part, err := form.next()
		if err != nil {
			return Media{}, err
		}
		if part == nil {
			break
		}
		if part.FormName() == "file" {
			err = in.takeFile(part)
		} else {
			err = in.takeField(part)
		}
		if err != nil {
			return Media{}, err
		}
	}
	if _, ok := in.fields["messaging_product"]; !ok {
		return Media{}, missingParameter("messaging_product")
	}
	if in.blob == nil {
		return Media{}, missingParameter("file")
	}
	return in.keep()
}

// takeField reads messaging_product, type or ttl_minutes. The value of type is
// not looked at: the part's own header decides (§3.1).
func (in *intake) takeField(part *multipart.Part) *apiError {
	name := part.FormName()
	switch name {
	case "messaging_product", "type", "ttl_minutes":
	default:
		return parameterError("Unexpected parameter '%s'.", abridge(name))
	}
	if part.FileName() != "" {
		return parameterError("Param %s must not be a file.", name)
	}
	if _, twice := in.fields[name]; twice {
		return parameterError("Param %s must be given once.", name)
	}
	value, err := fieldValue(part)
	if err != nil {
		return err
	}
	in.fields[name] = value
	in.update(func(r *Request) {
		if r.Fields == nil {
			r.Fields = Fields{}
		}
		r.Fields[name] = abridge(in.secrets.redact(value))
	})
	switch {
	case name == "messaging_product" && value != "whatsapp":
		return parameterError("Param messaging_product must be one of {WHATSAPP} - got \"%s\".", abridge(value))
	case name == "ttl_minutes":
		if minutes, err := strconv.Atoi(value); err != nil || minutes < 60 || minutes > 43200 {
			return parameterError("Param ttl_minutes must be a number from 60 to 43200.")
		}
	}
	return nil
}

// takeFile checks the head of the file's part and streams the rest of it to
// the storage.
func (in *intake) takeFile(part *multipart.Part) *apiError {
	if in.blob != nil {
		return parameterError("Param file must be given once.")
	}
	declared, name := part.Header.Get("Content-Type"), part.FileName()
	in.update(func(r *Request) {
		r.FileName, r.FileType = abridge(in.secrets.redact(name)), abridge(in.secrets.redact(declared))
	})
	if name == "" { // without a file name it is a field like any other
		return missingParameter("file")
	}
	base, params, err := mime.ParseMediaType(declared)
	if declared == "" {
		return wrongFileType(receivedWithoutType)
	}
	kind, known := findMediaType(base)
	if err != nil || !known {
		return wrongFileType(declared)
	}
	if !kind.fitsName(name) && !in.server.cfg.AcceptMislabelled {
		return mislabelled(kind.kind, kind.name, receivedWithoutType)
	}
	id, blob, err := in.server.createFile(in.server.newMediaID)
	if err != nil {
		return in.storageError(err)
	}
	in.file = Media{
		ID:            id,
		PhoneNumberID: in.target.id,
		MIMEType:      cmp.Or(mime.FormatMediaType(base, params), base),
		FileName:      name,
	}
	in.blob = blob
	return in.stream(part, kind)
}

// stream copies the file through one pooled buffer, and checks its first bytes
// and its size on the way.
func (in *intake) stream(part io.Reader, kind mediaType) *apiError {
	buffer := in.server.buffers.Get().(*[copyBuffer]byte)
	defer in.server.buffers.Put(buffer)
	digest, limit := sha256.New(), kind.limit
	for {
		n, done, err := fill(part, buffer[:])
		first := in.file.Size == 0
		in.file.Size += int64(n)
		if err != nil {
			return brokenBody(err)
		}
		if first && n > 0 {
			head := buffer[:min(n, sniffed)]
			if actual, ok := agrees(kind.name, head); !ok && !in.server.cfg.AcceptMislabelled {
				return mislabelled(kind.kind, kind.name, actual)
			}
			limit = kind.maxSize(head)
		}
		if in.file.Size > limit {
			return tooLarge()
		}
		digest.Write(buffer[:n])
		if _, err := in.blob.Write(buffer[:n]); err != nil {
			return in.storageError(err)
		}
		if done {
			return in.finishFile(digest)
		}
	}
}

// fill reads until the buffer is full or the source has come to its proper
// end. (io.ReadFull cannot tell that from a source that was broken off.)
func fill(source io.Reader, buffer []byte) (n int, ended bool, _ error) {
	for n < len(buffer) {
		m, err := source.Read(buffer[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// finishFile notes what the file turned out to be.
func (in *intake) finishFile(digest hash.Hash) *apiError {
	if in.file.Size == 0 {
		return malformedForm("The file is empty.")
	}
	in.file.SHA256 = hex.EncodeToString(digest.Sum(nil))
	in.update(func(r *Request) {
		r.FileSize, r.SHA256 = in.file.Size, in.file.SHA256
	})
	return nil
}

// keep commits the file and gives it its life.
func (in *intake) keep() (Media, *apiError) {
	s := in.server
	life := mediaLife
	if minutes, err := strconv.Atoi(in.fields["ttl_minutes"]); err == nil {
		life = time.Duration(minutes) * time.Minute
	}
	in.file.Created = s.cfg.Clock()
	in.file.Expires = in.file.Created.Add(life)
	blob := in.blob
	in.blob = nil
	if err := s.commit(blob, in.file); err != nil {
		return Media{}, in.storageError(err)
	}
	expired, err := s.media.add(in.file, in.file.Created)
	for _, id := range expired {
		s.discardBytes(id)
	}
	if err != nil {
		s.discardBytes(in.file.ID)
		return Media{}, in.storageError(err)
	}
	in.update(func(r *Request) { r.MediaID = in.file.ID })
	return in.file, nil
}

// abandon throws away what was stored of a refused file.
func (in *intake) abandon() {
	in.update(func(r *Request) { r.FileSize = in.file.Size })
	if in.blob == nil {
		return
	}
	if err := in.blob.Abort(); err != nil {
		in.server.cfg.Logger.Error("metasim: abort in storage", "media_id", in.file.ID, "error", err)
	}
	in.blob = nil
}

// storageError says in Meta's form that the simulator's storage failed. Only
// the reasons that the user can do something about are told.
func (x *exchange) storageError(err error) *apiError {
	details := "the storage failed; see the simulator's log"
	switch {
	case errors.Is(err, ErrStorageFull), errors.Is(err, ErrStorageClosed), errors.Is(err, errMediaFull),
		errors.Is(err, errSessionsFull), errors.Is(err, errHandlesFull):
		details = strings.TrimPrefix(err.Error(), "metasim: ") + "; the file was not kept"
	default:
		x.server.cfg.Logger.Error("metasim: storage", "error", err)
	}
	return storageFailed(details)
}

// createFile begins a file by an id of newID that the storage does not know.
func (s *Server) createFile(newID func() string) (id string, blob Blob, err error) {
	for range mostTaken {
		id = newID()
		if blob, err = s.cfg.Storage.Create(id); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return id, blob, err
}

// newMediaID makes an id that is not taken.
func (s *Server) newMediaID() string {
	for {
		id := s.random.mediaID()
		_, isAccount := s.accounts[id]
		_, isPhone := s.phones[id]
		isApp := slices.ContainsFunc(s.cfg.BusinessAccounts, func(a BusinessAccount) bool { return a.AppID == id })
		if !isAccount && !isPhone && !isApp && !s.media.has(id) {
			return id
		}
	}
}
