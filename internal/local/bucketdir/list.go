package bucketdir

import (
	"context"
	"os"
	"sort"
	"strings"

	"github.com/rclone/gofakes3"
)

// ListBucket returns the objects of a bucket, sorted by the bytes of their keys.
// It returns ErrNoSuchBucket, and an error for a damaged file: an object must not
// silently disappear from a listing.
//
// Every page reads the records of all objects, with one short read each. That
// takes a quarter of a second for 10,000 objects.
func (b *Backend) ListBucket(_ context.Context, bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	if prefix == nil {
		prefix = &gofakes3.Prefix{}
	}
	records, err := b.records(bucket)
	if err != nil {
		return nil, err
	}
	sort.Slice(records, func(i, j int) bool { return records[i].Key < records[j].Key })
	return paginate(records, prefix, page), nil
}

// paginate returns the page that starts after page.Marker, which need not be an
// existing key. The marker of the next page is the last key that this page
// covers; a common prefix covers all keys that start with it.
func paginate(records []record, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) *gofakes3.ObjectList {
	list := gofakes3.NewObjectList()
	common, last := "", "" // the common prefix of the last key, and the last key
	for _, r := range records {
		var match gofakes3.PrefixMatch
		key := string(r.Key)
		if key <= page.Marker || !prefix.Match(key, &match) {
			continue
		}
		if match.CommonPrefix && match.MatchedPart == common {
			last = key
			continue
		}
		if listed := len(list.Contents) + len(list.CommonPrefixes); page.MaxKeys > 0 && int64(listed) >= page.MaxKeys {
			list.IsTruncated, list.NextMarker = true, last
			break
		}
		common, last = "", key
		if match.CommonPrefix {
			common = match.MatchedPart
			list.AddPrefix(common)
		} else {
			list.Add(&gofakes3.Content{Key: key, LastModified: gofakes3.NewContentTime(r.Modified), ETag: r.etag(), Size: r.Size})
		}
	}
	return list
}

// records reads the records of a bucket's objects, in no particular order.
func (b *Backend) records(bucket string) ([]record, error) {
	if err := b.requireBucket(bucket); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(b.path(bucket, objects))
	if isNotExist(err) {
		return nil, gofakes3.BucketNotFound(bucket) // deleted concurrently
	} else if err != nil {
		return nil, err
	}
	records := make([]record, 0, len(entries))
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), extension) {
			continue
		}
		file, err := os.Open(b.path(bucket, objects, entry.Name()))
		if isNotExist(err) {
			continue // deleted concurrently
		} else if err != nil {
			return nil, err
		}
		r, err := readRecord(file)
		_ = file.Close()
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}
