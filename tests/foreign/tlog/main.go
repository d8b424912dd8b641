// Checks a log with the Go project's own transparency log library, which shares no line with ours.
//
// The folder holds what the server serves: checkpoint, tile/..., tile/entries/...; beside it, earlier checkpoints as
// earlier/*, and the server's own proofs as inclusion.json and consistency.json. Ends with 0 when everything holds, and with
// 3 when something does not; anything else means that this program is broken.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	rejected = 3
	height   = 8
	width    = 1 << height
)

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Leaf  string   `json:"leaf"`
	Proof []string `json:"proof"`
}

type consistency struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Proof []string `json:"proof"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tlog FOLDER VKEY")
		os.Exit(2)
	}
	said, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(rejected)
	}
	fmt.Println(said)
}

func check(folder, vkey string) (string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", fmt.Errorf("the key: %v", err)
	}
	tree, err := openCheckpoint(filepath.Join(folder, "checkpoint"), verifier)
	if err != nil {
		return "", err
	}
	hashes := tlog.TileHashReader(tree, &tiles{folder})
	if err := checkEntries(folder, tree, hashes); err != nil {
		return "", err
	}
	earlier, err := checkEarlier(folder, tree, verifier, hashes)
	if err != nil {
		return "", err
	}
	if err := checkServedProofs(folder, tree, hashes); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries and %d earlier checkpoints", tree.N, earlier), nil
}

// openCheckpoint opens a signed note, whose first line must be the name of the key.
func openCheckpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not three lines that begin with the log's name")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the size in the checkpoint: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the root in the checkpoint: %v", err)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// checkEntries proves each entry, from its bytes in the bundle to the root.
func checkEntries(folder string, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += width {
		entries, err := bundle(folder, first/width, tree.N)
		if err != nil {
			return err
		}
		for position, entry := range entries {
			index := first + int64(position)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return fmt.Errorf("entry %d: %v", index, err)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				return fmt.Errorf("entry %d: %v", index, err)
			}
		}
	}
	return nil
}

// bundle reads the entries of a bundle: each after its length in two bytes.
func bundle(folder string, index, size int64) ([][]byte, error) {
	count := size - index*width
	if count > width {
		count = width
	}
	path := tilePath(tlog.Tile{H: height, L: -1, N: index, W: int(count)})
	rest, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(rest) > 0 {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return nil, fmt.Errorf("%s ends within an entry", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		entries = append(entries, rest[2:end])
		rest = rest[end:]
	}
	if int64(len(entries)) != count {
		return nil, fmt.Errorf("%s has %d entries instead of %d", path, len(entries), count)
	}
	return entries, nil
}

// checkEarlier proves that each earlier checkpoint is of the beginning of the tree.
func checkEarlier(folder string, tree tlog.Tree, verifier note.Verifier, hashes tlog.HashReader) (int, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "earlier", "*"))
	if err != nil {
		return 0, err
	}
	sort.Strings(paths)
	for _, path := range paths {
		old, err := openCheckpoint(path, verifier)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return 0, fmt.Errorf("%d entries: %v", old.N, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("%d entries: %v", old.N, err)
		}
	}
	return len(paths), nil
}

// checkServedProofs checks the proofs that the server made, against roots that this program computes.
func checkServedProofs(folder string, tree tlog.Tree, hashes tlog.HashReader) error {
	var inclusions []inclusion
	if err := readJSON(filepath.Join(folder, "inclusion.json"), &inclusions); err != nil {
		return err
	}
	for _, served := range inclusions {
		root, err := tlog.TreeHash(served.Size, hashes)
		if err != nil {
			return err
		}
		leaf, err := parseHashes([]string{served.Leaf})
		if err != nil {
			return err
		}
		proof, err := parseHashes(served.Proof)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, served.Size, root, served.Index, leaf[0]); err != nil {
			return fmt.Errorf("the server's proof of entry %d: %v", served.Index, err)
		}
	}
	var consistencies []consistency
	if err := readJSON(filepath.Join(folder, "consistency.json"), &consistencies); err != nil {
		return err
	}
	for _, served := range consistencies {
		old, err := tlog.TreeHash(served.From, hashes)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(served.To, hashes)
		if err != nil {
			return err
		}
		proof, err := parseHashes(served.Proof)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, served.To, root, served.From, old); err != nil {
			return fmt.Errorf("the server's proof from %d to %d entries: %v", served.From, served.To, err)
		}
	}
	return nil
}

func readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s: %v", path, err)
	}
	return nil
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(texts))
	for _, text := range texts {
		bytes, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("%q is not a hash", text)
		}
		hashes = append(hashes, tlog.Hash(*(*[tlog.HashSize]byte)(bytes)))
	}
	return hashes, nil
}

// tiles reads tiles from the folder. The library checks them against the tree.
type tiles struct{ folder string }

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, tilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is the path of C2SP tlog-tiles, which unlike Go's does not name the height and calls data entries.
func tilePath(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}
