package harness

import java.nio.file.FileVisitResult
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.SimpleFileVisitor
import java.nio.file.attribute.BasicFileAttributes

/** Removes a folder; a link in it is removed, and what it leads to is left alone (Groovy's own deleteDir goes there). */
class Folder {
    static void remove(File folder) {
        Files.walkFileTree(folder.toPath(), new SimpleFileVisitor<Path>() {
            @Override
            FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                Files.delete(file)
                return FileVisitResult.CONTINUE
            }

            @Override
            FileVisitResult postVisitDirectory(Path emptied, IOException failed) {
                Files.delete(emptied)
                return FileVisitResult.CONTINUE
            }
        })
    }
}
