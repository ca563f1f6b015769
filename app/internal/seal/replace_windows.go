// SPDX-License-Identifier: Apache-2.0

package seal

import "os"

func replaceFile(path string, data []byte) error {
	_ = os.Remove(path + ".new") // what a crash may have left
	if err := writeNew(path+".new", data); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
