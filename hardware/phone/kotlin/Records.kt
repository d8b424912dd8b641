// Records as files of a folder.
package imp.phone.jvm

import imp.phone.Storage
import imp.phone.StorageException
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardOpenOption.APPEND
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.TRUNCATE_EXISTING
import java.nio.file.StandardOpenOption.WRITE

/** One file a record. */
class Records(private val folder: Path) : Storage {
    override fun read(name: String): ByteArray? = acting {
        val file = folder.resolve(name)
        if (Files.exists(file)) Files.readAllBytes(file) else null
    }

    override fun write(name: String, bytes: ByteArray): Unit = acting { replace(folder.resolve(name), bytes) }

    override fun append(name: String, bytes: ByteArray): Unit = acting {
        FileChannel.open(folder.resolve(name), CREATE, WRITE, APPEND).use { it.put(bytes) }
    }

    override fun remove(name: String): Unit = acting {
        if (Files.deleteIfExists(folder.resolve(name))) sync(folder)
    }

    private fun <T> acting(work: () -> T): T = try {
        work()
    } catch (error: IOException) {
        throw StorageException.Failed(error.toString())
    }
}

/** Replaces a file so that a power failure leaves the old or the new content. */
fun replace(file: Path, bytes: ByteArray) {
    val new = file.resolveSibling("${file.fileName}.new")
    FileChannel.open(new, CREATE, WRITE, TRUNCATE_EXISTING).use { it.put(bytes) }
    Files.move(new, file, ATOMIC_MOVE)
    sync(file.parent)
}

private fun FileChannel.put(bytes: ByteArray) {
    val buffer = ByteBuffer.wrap(bytes)
    while (buffer.hasRemaining()) write(buffer)
    force(true)
}

private fun sync(folder: Path) = FileChannel.open(folder, READ).use { it.force(true) }
