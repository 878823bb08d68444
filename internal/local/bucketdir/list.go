package bucketdir

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/rclone/gofakes3"
)

// ListBucket lists the objects of a bucket in the order of the bytes of their
// keys. It fails with ErrNoSuchBucket, and for a broken file: an object must
// not vanish from a list in silence.
//
// Every page reads the record of every object, which is one short read each:
// a quarter of a second for 10,000 objects.
func (b *Backend) ListBucket(_ context.Context, bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	if prefix == nil {
		prefix = &gofakes3.Prefix{}
	}
	records, err := b.records(bucket)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.Key, b.Key) })
	return paginate(records, prefix, page), nil
}

// paginate gives the page of a list that begins behind page.Marker, a key that
// need not exist any more. The marker of the next page is the last key that
// this one speaks for: the last of all that a common prefix stands for.
func paginate(records []record, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) *gofakes3.ObjectList {
	list := gofakes3.NewObjectList()
	common, last := "", "" // the prefix that the last key belongs to, the last key
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

// records reads the records of a bucket's objects, in no order.
func (b *Backend) records(bucket string) ([]record, error) {
	if err := b.requireBucket(bucket); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(b.path(bucket, objects))
	if isNotExist(err) {
		return nil, gofakes3.BucketNotFound(bucket) // deleted meanwhile
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
			continue // deleted meanwhile
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
