// Keys of a Java KeyStore (PKCS #12). On Android the same calls go to the KeyStore "AndroidKeyStore", whose keys StrongBox keeps.
package imp.phone.jvm

import imp.phone.Keystore
import imp.phone.KeystoreException
import java.nio.file.Files
import java.nio.file.Path
import java.security.GeneralSecurityException
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.PrivateKey
import java.security.SecureRandom
import java.security.Signature
import java.security.cert.X509Certificate
import java.security.spec.ECGenParameterSpec
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

private const val NONCE = 12
private const val TAG_BITS = 128

/** Keeps keys in the file `keys.p12` of a folder, under a password that is drawn with it. */
class Keys(folder: Path) : Keystore {
    private val file = folder.resolve("keys.p12")
    private val password: CharArray
    private val store: KeyStore = KeyStore.getInstance("PKCS12")

    init {
        val secret = folder.resolve("keys.password")
        if (!Files.exists(secret)) {
            replace(secret, ByteArray(32).also(SecureRandom()::nextBytes).toHexString().toByteArray())
        }
        password = String(Files.readAllBytes(secret)).toCharArray()
        if (Files.exists(file)) Files.newInputStream(file).use { store.load(it, password) } else store.load(null, password)
    }

    override fun create(label: String): ByteArray = acting {
        if (store.isKeyEntry(signing(label))) throw KeystoreException.Exists()
        val generator = KeyPairGenerator.getInstance("EC")
        generator.initialize(ECGenParameterSpec("secp256r1"))
        val pair = generator.generateKeyPair()
        store.setKeyEntry(signing(label), pair.private, password, arrayOf(selfSigned(pair)))
        save()
        pair.public.encoded
    }

    override fun publicKey(label: String): ByteArray? = acting { store.getCertificate(signing(label))?.publicKey?.encoded }

    override fun sign(label: String, message: ByteArray): ByteArray = acting {
        val key = store.getKey(signing(label), password) as PrivateKey? ?: throw KeystoreException.Missing()
        Signature.getInstance("SHA256withECDSA").run {
            initSign(key)
            update(message)
            sign()
        }
    }

    override fun seal(label: String, associatedData: ByteArray, plaintext: ByteArray): ByteArray = acting {
        val key = store.getKey(sealing(label), password) as SecretKey? ?: makeKey(label)
        val nonce = ByteArray(NONCE).also(SecureRandom()::nextBytes)
        nonce + cipher(Cipher.ENCRYPT_MODE, key, nonce, associatedData).doFinal(plaintext)
    }

    override fun unseal(label: String, associatedData: ByteArray, sealed: ByteArray): ByteArray = acting {
        val key = store.getKey(sealing(label), password) as SecretKey? ?: throw KeystoreException.Missing()
        if (sealed.size < NONCE) throw KeystoreException.Unsealing()
        val cipher = cipher(Cipher.DECRYPT_MODE, key, sealed.copyOf(NONCE), associatedData)
        try {
            cipher.doFinal(sealed, NONCE, sealed.size - NONCE)
        } catch (_: AEADBadTagException) {
            throw KeystoreException.Unsealing()
        }
    }

    override fun delete(label: String): Unit = acting {
        val there = listOf(signing(label), sealing(label)).filter(store::containsAlias)
        there.forEach(store::deleteEntry)
        if (there.isNotEmpty()) save()
    }

    /** A file says nothing about hardware; AndroidKeyStore has a certificate chain here. */
    override fun attestation(label: String): List<ByteArray> = emptyList()

    private fun makeKey(label: String): SecretKey {
        val key = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        store.setEntry(sealing(label), KeyStore.SecretKeyEntry(key), KeyStore.PasswordProtection(password))
        save()
        return key
    }

    private fun cipher(mode: Int, key: SecretKey, nonce: ByteArray, associatedData: ByteArray): Cipher =
        Cipher.getInstance("AES/GCM/NoPadding").apply {
            init(mode, key, GCMParameterSpec(TAG_BITS, nonce))
            updateAAD(associatedData)
        }

    private fun save() {
        val bytes = java.io.ByteArrayOutputStream()
        store.store(bytes, password)
        replace(file, bytes.toByteArray())
    }

    /** One at a time; what Java throws becomes what the library understands. */
    @Synchronized
    private fun <T> acting(work: () -> T): T = try {
        work()
    } catch (error: GeneralSecurityException) {
        throw KeystoreException.Failed(error.toString())
    } catch (error: java.io.IOException) {
        throw KeystoreException.Failed(error.toString())
    }
}

private fun signing(label: String) = "$label.sign"
private fun sealing(label: String) = "$label.seal"

/** A Java KeyStore keeps a private key only with a certificate; this one says nothing. */
private fun selfSigned(pair: KeyPair): X509Certificate {
    val algorithm = der(0x30, byteArrayOf(6, 8, 0x2a, 0x86.toByte(), 0x48, 0xce.toByte(), 0x3d, 4, 3, 2))
    val name = der(0x30, der(0x31, der(0x30, byteArrayOf(6, 3, 0x55, 4, 3), der(0x0c, "key".toByteArray()))))
    val validity = der(0x30, der(0x17, "200101000000Z".toByteArray()), der(0x18, "99991231235959Z".toByteArray()))
    val version = der(0xa0, der(2, byteArrayOf(2)))
    val body = der(0x30, version, der(2, byteArrayOf(1)), algorithm, name, validity, name, pair.public.encoded)
    val signature = Signature.getInstance("SHA256withECDSA").run {
        initSign(pair.private)
        update(body)
        sign()
    }
    val whole = der(0x30, body, algorithm, der(3, byteArrayOf(0), signature))
    val factory = java.security.cert.CertificateFactory.getInstance("X.509")
    return factory.generateCertificate(whole.inputStream()) as X509Certificate
}

private fun der(tag: Int, vararg parts: ByteArray): ByteArray {
    val content = parts.fold(ByteArray(0), ByteArray::plus)
    val length = when {
        content.size < 0x80 -> byteArrayOf(content.size.toByte())
        content.size < 0x100 -> byteArrayOf(0x81.toByte(), content.size.toByte())
        else -> byteArrayOf(0x82.toByte(), (content.size shr 8).toByte(), content.size.toByte())
    }
    return byteArrayOf(tag.toByte()) + length + content
}
