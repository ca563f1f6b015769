// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"os"
	"strings"
)

// CheckTrusted refuses a file or folder that somebody else owns or may write:
// it would be he who says what runs. A folder in which everybody may write but
// only remove his own (as the system's for temporary files) is not one of them.
func CheckTrusted(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() && info.Mode()&os.ModeSticky != 0 {
		return nil
	}
	return checkTrusted(path, info)
}

// Bears reports whether a provider bears the name of a plugin: the plugin "acme"
// may serve "acme" and "acme-eu".
func Bears(plugin, slug string) bool {
	return slug == plugin || strings.HasPrefix(slug, plugin+"-")
}

// ValidName reports whether name can be a plugin's.
func ValidName(name string) bool { return slugPattern.MatchString(name) }
