// The emulated radio between processes of one machine (docs/radio.md): a Unix socket for each phone. On Android this is
// BluetoothLeAdvertiser and BluetoothGattServer.
package imp.phone.jvm

import imp.phone.Radio
import imp.phone.RadioException
import imp.phone.Service
import java.io.DataInputStream
import java.io.IOException
import java.net.StandardProtocolFamily
import java.net.UnixDomainSocketAddress
import java.nio.ByteBuffer
import java.nio.channels.Channels
import java.nio.channels.ServerSocketChannel
import java.nio.channels.SocketChannel
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong
import kotlin.concurrent.thread

private const val ASK = 'A'.code
private const val CONNECT = 'C'.code
private const val MTU = 247
private const val SIGNAL_DBM = -50

/** Appears in the folder `air` as `name`. */
class AirRadio(private val air: Path, private val name: String) : Radio {
    /** Who is told what happens; workstations wait until there is somebody. */
    val service = CompletableFuture<Service>()

    @Volatile
    private var advertised: ByteArray? = null
    private val links = ConcurrentHashMap<ULong, SocketChannel>()
    private val numbers = AtomicLong()
    private val listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)

    /** Begins to listen. */
    fun open() {
        val socket = air.resolve("$name.sock")
        Files.deleteIfExists(socket)
        listener.bind(UnixDomainSocketAddress.of(socket))
        thread(isDaemon = true, name = "air") {
            while (listener.isOpen) {
                val caller = try {
                    listener.accept()
                } catch (_: IOException) {
                    return@thread
                }
                thread(isDaemon = true, name = "caller") { answer(caller) }
            }
        }
    }

    /** Is gone. */
    fun close() {
        listener.close()
        Files.deleteIfExists(air.resolve("$name.sock"))
    }

    override fun advertise(serviceData: ByteArray) {
        advertised = serviceData
    }

    override fun stopAdvertising() {
        advertised = null
    }

    override fun notify(link: ULong, frame: ByteArray) {
        val channel = links[link] ?: throw RadioException.Disconnected()
        val value = ByteBuffer.allocate(2 + frame.size).putShort(frame.size.toShort()).put(frame).flip()
        try {
            synchronized(channel) { channel.put(value) }
        } catch (_: IOException) {
            throw RadioException.Disconnected()
        }
    }

    override fun disconnect(link: ULong) {
        links.remove(link)?.close()
    }

    private fun answer(caller: SocketChannel): Unit = caller.use {
        val identifier = advertised ?: return@use
        val input = DataInputStream(Channels.newInputStream(caller))
        try {
            when (input.readUnsignedByte()) {
                ASK -> caller.put(ByteBuffer.allocate(11).put(identifier).put(1).putShort(SIGNAL_DBM.toShort()).flip())
                CONNECT -> {
                    caller.put(ByteBuffer.allocate(2).putShort(MTU.toShort()).flip())
                    carry(caller, input)
                }
            }
        } catch (_: IOException) {
            // The workstation went away, which is its right.
        }
    }

    /** Reads what a workstation writes, until either side ends the link. */
    private fun carry(caller: SocketChannel, input: DataInputStream) {
        val link = numbers.incrementAndGet().toULong()
        val listening = service.get()
        links[link] = caller
        try {
            if (!listening.linkOpened(link, MTU.toUShort())) return
            while (true) {
                val frame = ByteArray(input.readUnsignedShort()).also(input::readFully)
                listening.frameWritten(link, frame)
            }
        } finally {
            links.remove(link)
            listening.linkClosed(link)
        }
    }
}

private fun SocketChannel.put(bytes: ByteBuffer) {
    while (bytes.hasRemaining()) write(bytes)
}
