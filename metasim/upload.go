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
	"strconv"
	"strings"
	"time"
)

const (
	sniffLength   = 4 << 10 // bytes of a file that decide its type
	maxIDAttempts = 100     // ids to try until one is not in use in the storage
)

// uploadResult is the response to an upload.
type uploadResult struct {
	ID string `json:"id"`
}

// upload stores a file (docs/references.md#graph-media). A token in the header or
// the query, and the number, are checked before the body is read.
func (s *Server) upload(c *call) (any, *apiError) {
	if base, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || base != "multipart/form-data" {
		return nil, c.uploadWithoutFile()
	}
	form, refusal := openForm(c)
	if refusal != nil {
		return nil, refusal
	}
	u := &mediaUpload{call: c}
	file, refusal := u.read(form)
	if refusal != nil {
		u.discard()
		return nil, refusal
	}
	return uploadResult{ID: file.ID}, nil
}

// uploadWithoutFile refuses a body that cannot have a file, with what it lacks.
func (c *call) uploadWithoutFile() *apiError {
	refusal := c.readBody()
	if refusal == nil {
		refusal = c.checkUpload()
	}
	if refusal == nil {
		refusal = missingParameter("file")
	}
	if refusal.reason == "" {
		refusal.reason = refusal.historyReason() + " The body is not multipart/form-data."
	}
	return refusal
}

// mediaUpload is an upload in progress.
type mediaUpload struct {
	*call
	file   Media  // what is known of the file; ID is empty before its part
	blob   Blob   // nil before the file's part and after Commit
	partOf string // base type of the file's part
}

// read reads all parts. If nothing is wrong with them, it makes the file
// available.
func (u *mediaUpload) read(form *form) (Media, *apiError) {
	for {
		part, refusal := form.next()
		if refusal != nil {
			return Media{}, refusal
		}
		if part == nil {
			break
		}
		if part.FormName() == "file" {
			refusal = u.readFile(part)
		} else {
			refusal = u.readField(part)
		}
		if refusal != nil {
			return Media{}, refusal
		}
	}
	if refusal := u.checkUpload(); refusal != nil {
		return Media{}, refusal
	}
	if u.blob == nil {
		return Media{}, missingParameter("file")
	}
	if refusal := u.checkType(); refusal != nil {
		return Media{}, refusal
	}
	return u.keep()
}

// readField reads a parameter. A file under another name than file is none.
func (u *mediaUpload) readField(part *multipart.Part) *apiError {
	name := part.FormName()
	if part.FileName() != "" {
		return u.warn(warnParameterUnknown, "The file %s is ignored. Send one file, named file.", truncate(name))
	}
	value, refusal := fieldValue(part)
	if refusal == nil {
		refusal = u.addParameter(inBody, name, value)
	}
	if refusal == nil {
		refusal = checkUploadParameter(name, u.parameters.get(name))
	}
	return refusal
}

// checkUpload checks the token, if it was not known before the body, and the
// parameters of an upload.
func (c *call) checkUpload() *apiError {
	if c.token == "" {
		if refusal := c.server.authenticate(c); refusal != nil {
			return refusal
		}
	}
	if refusal := c.checkParameters(); refusal != nil {
		return refusal
	}
	if _, ok := c.parameters["messaging_product"]; !ok {
		return missingParameter("messaging_product")
	}
	for _, name := range c.operation.parameters {
		if refusal := checkUploadParameter(name, c.parameters.get(name)); refusal != nil {
			return refusal
		}
	}
	return nil
}

// checkUploadParameter checks the value of a parameter, which may be empty.
func checkUploadParameter(name, value string) *apiError {
	switch {
	case value == "":
	case name == "messaging_product":
		return checkProduct(value)
	case name == "ttl_minutes":
		if minutes, err := strconv.Atoi(value); err != nil || minutes < 60 || minutes > 43200 {
			return parameterError("Param ttl_minutes must be a number from 60 to 43200.")
		}
	}
	return nil
}

// checkProduct checks messaging_product. Enums are accepted in any case.
func checkProduct(value string) *apiError {
	if strings.EqualFold(value, "whatsapp") {
		return nil
	}
	return parameterError("Param messaging_product must be one of {WHATSAPP} - got \"%s\".", truncate(value))
}

// checkType warns of a field type that differs from the part's, which decides
// (docs/references.md#graph-media).
func (u *mediaUpload) checkType() *apiError {
	declared := u.parameters.get("type")
	base, _, err := mime.ParseMediaType(declared)
	if declared == "" || err == nil && base == u.partOf {
		return nil
	}
	return u.warn(warnTypeMismatch, "The field type is %s, but the part of the file has the Content-Type %s, which counts. Send the same.",
		truncate(declared), u.partOf)
}

// readFile checks the header of the file's part and streams its content to the
// storage.
func (u *mediaUpload) readFile(part *multipart.Part) *apiError {
	if u.blob != nil {
		u.discard()
		if refusal := u.warn(warnParameterTwice, "The form has more than one file, of which the last counts. Send one."); refusal != nil {
			return refusal
		}
	}
	declared, name := part.Header.Get("Content-Type"), part.FileName()
	u.update(func(r *Request) {
		r.FileName, r.FileType = truncate(u.secrets.redact(name)), truncate(u.secrets.redact(declared))
	})
	if name == "" { // a part without a file name is a field, not a file
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
	if !kind.fitsName(name) {
		if refusal := u.warnMislabelled(mislabelled(kind.kind, kind.name, receivedWithoutType)); refusal != nil {
			return refusal
		}
	}
	id, blob, err := u.server.createFile(u.server.newMediaID)
	if err != nil {
		return u.storageError(err)
	}
	u.file = Media{
		ID:            id,
		PhoneNumberID: u.id,
		MIMEType:      cmp.Or(mime.FormatMediaType(base, params), base),
		FileName:      name,
	}
	u.blob, u.partOf = blob, base
	return u.stream(part, kind)
}

// warnMislabelled warns with the details that Meta reports later in a webhook. With
// Config.Strict it returns them at once, as the refusal.
func (c *call) warnMislabelled(later *apiError) *apiError {
	if c.warn(warnMislabelled, "%s", later.details) == nil {
		return nil
	}
	later.details += " " + strictNotice(warnMislabelled)
	return later
}

// stream copies the file through one pooled buffer, and checks its first bytes and
// its size.
func (u *mediaUpload) stream(part io.Reader, kind mediaType) *apiError {
	buffer := u.server.buffers.Get().(*[copyBuffer]byte)
	defer u.server.buffers.Put(buffer)
	digest, limit := sha256.New(), kind.limit
	for {
		n, done, err := fill(part, buffer[:])
		first := u.file.Size == 0
		u.file.Size += int64(n)
		if err != nil {
			return brokenBody(err)
		}
		if first && n > 0 {
			head := buffer[:min(n, sniffLength)]
			if actual, ok := matchesType(kind.name, head); !ok {
				if refusal := u.warnMislabelled(mislabelled(kind.kind, kind.name, actual)); refusal != nil {
					return refusal
				}
			}
			limit = kind.maxSize(head)
		}
		if u.file.Size > limit {
			return tooLarge()
		}
		digest.Write(buffer[:n])
		if _, err := u.blob.Write(buffer[:n]); err != nil {
			return u.storageError(err)
		}
		if done {
			return u.finishFile(digest)
		}
	}
}

// fill reads until the buffer is full or the source ends. Unlike io.ReadFull, it
// tells the end of the source from an io.ErrUnexpectedEOF of the source.
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

// finishFile records size and SHA-256 of the file.
func (u *mediaUpload) finishFile(digest hash.Hash) *apiError {
	if u.file.Size == 0 {
		return malformedForm("The file is empty.")
	}
	u.file.SHA256 = hex.EncodeToString(digest.Sum(nil))
	u.update(func(r *Request) {
		r.FileSize, r.SHA256 = u.file.Size, u.file.SHA256
	})
	return nil
}

// keep commits the file and adds it to the media.
func (u *mediaUpload) keep() (Media, *apiError) {
	s := u.server
	life := mediaLifetime
	if minutes, err := strconv.Atoi(u.parameters.get("ttl_minutes")); err == nil {
		life = time.Duration(minutes) * time.Minute
	}
	u.file.Created = s.Now()
	u.file.Expires = u.file.Created.Add(life)
	blob := u.blob
	u.blob = nil
	if err := blob.Commit(); err != nil {
		return Media{}, u.storageError(err)
	}
	s.removeExpiredHourly()
	if err := s.media.put(u.file.ID, u.file); err != nil {
		s.discardBytes(u.file.ID)
		return Media{}, u.storageError(err)
	}
	u.update(func(r *Request) { r.MediaID = u.file.ID })
	return u.file, nil
}

// discard deletes what was stored of a refused file.
func (u *mediaUpload) discard() {
	u.update(func(r *Request) { r.FileSize = u.file.Size })
	if u.blob == nil {
		return
	}
	if err := u.blob.Abort(); err != nil {
		u.server.cfg.Logger.Error("metasim: abort in storage", "media_id", u.file.ID, "error", err)
	}
	u.blob = nil
}

// storageError reports in Meta's form that the simulator's storage failed. It
// names only reasons that the user can act on; others are logged.
func (c *call) storageError(err error) *apiError {
	details := "the storage failed; see the simulator's log"
	switch {
	case errors.Is(err, ErrStorageFull), errors.Is(err, ErrStorageClosed), errors.Is(err, errMediaFull),
		errors.Is(err, errSessionsFull), errors.Is(err, errHandlesFull), errors.Is(err, errMessagesFull),
		errors.Is(err, errTemplatesFull), isEdgeFull(err):
		details = strings.TrimPrefix(err.Error(), "metasim: ") + "; nothing was kept"
	default:
		c.server.cfg.Logger.Error("metasim: storage", "error", err)
	}
	return storageFailed(details)
}

// createFile starts a file with an id of newID that is not in use in the storage.
func (s *Server) createFile(newID func() string) (id string, blob Blob, err error) {
	for range maxIDAttempts {
		id = newID()
		if blob, err = s.cfg.Storage.Create(id); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return id, blob, err
}

// newMediaID returns an id that is not in use.
func (s *Server) newMediaID() string {
	for {
		id := s.random.mediaID()
		if kind, _ := s.node(id); kind == "" {
			return id
		}
	}
}
