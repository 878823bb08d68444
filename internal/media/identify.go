package media

import (
	"fmt"
	"slices"
)

// HeadSize is how many of a file's first bytes [Inspect] looks at. It is enough
// for the member names at the start of an Office file, and all that the detector reads.
const HeadSize = 4096

// Input is what is known before the body is read.
type Input struct {
	DeclaredType string // stored Content-Type, or the caller's header; may be "" or say nothing, as binary/octet-stream does
	Name         string // last element of the key or path; only its extension decides anything
	Size         int64  // bytes, as the source announced them; negative if it did not
	Head         []byte // first bytes, HeadSize of them or the whole file if it is shorter; never kept
}

// Result is what to tell Meta.
type Result struct {
	Type        Type
	ContentType string // of the file part: the type's MIME; "audio/ogg; codecs=opus" for Ogg
	FileName    string // of the file part: UTF-8, safe between double quotes, extension fits the type
}

// Codes of [Error].
const (
	CodeEmpty           = "empty"                  // no bytes
	CodeSizeUnknown     = "size-unknown"           // length not announced, or not true
	CodeTooLarge        = "too-large"              // above WhatsApp's limit for the type
	CodeTypeUnknown     = "type-unknown"           // nothing usable is declared, and bytes and name do not tell
	CodeTypeNotAccepted = "type-not-accepted"      // a type that WhatsApp does not take
	CodeTypeContradicts = "type-contradicts-bytes" // declared as one type, the bytes are another
	CodeAudioNotOpus    = "audio-not-opus"         // Ogg with something else than Opus inside
)

// Error says why WhatsApp would not take a file. Both fields may be shown to the caller.
type Error struct {
	Code    string // one of the constants above; stable
	Message string // what was found, what WhatsApp expects, what to do; one line
}

func (e *Error) Error() string { return e.Message }

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Inspect decides a file's type and holds it against WhatsApp's table. A declared
// type that WhatsApp takes decides, and must agree with the bytes. Where nothing is
// declared the bytes decide, and the extension between the types that they may be.
// Every error is an [*Error].
func Inspect(in Input) (Result, error) {
	head := in.Head[:min(len(in.Head), HeadSize)]
	if err := checkLength(in.Size, len(head)); err != nil {
		return Result{}, err
	}
	declared := baseType(in.DeclaredType)
	seen := sniff(head, declared)
	mime, err := decide(declared, in.Name, seen)
	if err != nil {
		return Result{}, err
	}
	t := row(mime, seen.animated)
	if in.Size > t.MaxSize {
		return Result{}, tooLarge(t, in.Size)
	}
	return Result{Type: t, ContentType: contentType(t), FileName: fileName(in.Name, t)}, nil
}

// checkLength wants a length that can be announced to Meta and is not less than
// what has already been read.
func checkLength(size int64, read int) error {
	switch {
	case size < 0:
		return refuse(CodeSizeUnknown, "The source does not say how long the file is. WhatsApp's limits and the upload need the length: use a source that sends Content-Length.")
	case size == 0:
		return refuse(CodeEmpty, "The file is empty (0 bytes). Check that the upload to the store had finished.")
	case read == 0:
		return refuse(CodeEmpty, "The source announced %s and sent none of them. Check that the object can be read.", bytesText(size))
	case int64(read) > size:
		return refuse(CodeSizeUnknown, "The source announced %s and sent more. Its Content-Length has to be the length of the file.", bytesText(size))
	}
	return nil
}

// decide gives the MIME type of the row that the file goes under.
func decide(declared, name string, seen found) (string, error) {
	if saysNothing(declared) {
		return undeclared(name, seen)
	}
	t, ok := Lookup(declared)
	switch {
	case !ok:
		return "", notAccepted(declared, seen)
	case slices.Contains(seen.fits, t.MIME):
		return t.MIME, nil
	case t.MIME == "audio/ogg" && seen.mime == "application/ogg":
		return "", notOpus(seen)
	}
	return "", contradicts(declared, t, seen)
}

// undeclared decides from the bytes and the extension of the name. Bytes that only
// hint, and text, which any error page is, have to agree with the extension.
func undeclared(name string, seen found) (string, error) {
	byName, named := mimeOfExtension(extension(name))
	switch {
	case seen.mime == "application/ogg" && len(seen.fits) == 0:
		return "", notOpus(seen)
	case seen.mime == "":
		return "", unknownType(name, seen)
	case len(seen.fits) == 0:
		return "", notAccepted(seen.mime, seen)
	case named && slices.Contains(seen.fits, byName):
		return byName, nil
	case seen.weak, named && seen.fits[0] == "text/plain":
		return "", unknownType(name, seen)
	}
	return seen.fits[0], nil
}

// row is the row of a type, for stickers the one that fits their motion.
func row(mime string, animated bool) Type {
	i := slices.IndexFunc(types, func(t Type) bool {
		return t.MIME == mime && (t.Animated == animated || t.Kind != Sticker)
	})
	return types[i]
}

// contentType is what Meta is told. It drops parameters, which Meta compares
// nowhere as far as is known, save the one that its audio list asks for: base
// audio/ogg is "unsupported" (meta-cloud-api.md §3.6).
func contentType(t Type) string {
	if t.MIME == "audio/ogg" {
		return "audio/ogg; codecs=opus"
	}
	return t.MIME
}
