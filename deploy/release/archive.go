package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
)

// archived returns the files of an archive: the binary and the documents.
func (r *release) archived(t target) ([]packedFile, error) {
	files, err := r.documents()
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(t.binary)
	if err != nil {
		return nil, err
	}
	return append(files, packedFile{filepath.Base(t.binary), 0o755, binary}), nil
}

// tarball returns the files in one folder, as .tar.gz.
func (r *release) tarball(t target, folder string) ([]byte, error) {
	files, err := r.archived(t)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: folder + "/" + f.name, Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: r.time, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

// zip returns the files in one folder, as .zip.
func (r *release) zip(t target, folder string) ([]byte, error) {
	files, err := r.archived(t)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, f := range files {
		header := &zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: r.time}
		header.SetMode(f.mode)
		file, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
