// A phone on the Java virtual machine: what an Android app does with the library, on the emulated radio.
// Usage: Main STATE bind INVITATION [replace] | run AIR NAME [ask yes|no] | status | uses | verify | receipt INDEX | renew | erase [everything]
package imp.phone.jvm

import imp.phone.Answer
import imp.phone.Consent
import imp.phone.Enrolled
import imp.phone.ImpPhone
import imp.phone.Notice
import imp.phone.Question
import imp.phone.Screen
import imp.phone.Told
import imp.phone.gatt
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.util.concurrent.CountDownLatch
import kotlin.system.exitProcess

/** A screen of lines, and an owner who always answers the same. */
private class Lines(private val agrees: Boolean) : Screen {
    override fun show(notice: Notice) = say(
        when (notice) {
            is Notice.Advertising -> "ready"
            is Notice.Asked -> "asked ${notice.purpose} by ${notice.workstation}: ${answer(notice.answer)}"
            is Notice.Enrolled -> "enrolled ${notice.modelSet}"
            is Notice.NotEnrolled -> "not enrolled: ${notice.reason}"
            is Notice.Receipt -> "receipt ${notice.index} ${notice.event} sealed=${notice.sealed}"
            is Notice.ReceiptRefused -> "receipt refused: ${notice.reason}"
            is Notice.Stranger -> "stranger"
            is Notice.Renewed -> "renewed until ${notice.expiresAt}"
            is Notice.LogKeyChanged -> "the log has another key"
            is Notice.NotRenewed -> "not renewed: ${notice.reason}"
            is Notice.CertificateExpired -> "the certificate has expired"
            is Notice.ErasureTold -> "erasure told"
            is Notice.ErasureNotTold -> "erasure not told: ${notice.reason}"
            is Notice.RadioFailed -> "radio failed: ${notice.reason}"
            is Notice.Stopped -> "stopped"
            is Notice.Other -> notice.sentence
        },
    )

    override fun ask(question: Question): Boolean {
        say("question: ${question.sentence}")
        return agrees
    }

    override fun withdraw() = say("withdrawn")
}

private fun answer(answer: Answer) = when (answer) {
    is Answer.Released -> "released"
    is Answer.Present -> "present"
    is Answer.Declined -> "declined: ${answer.reason}"
}

@Synchronized
private fun say(line: String) {
    println(line)
    System.out.flush()
}

private fun run(phone: ImpPhone, arguments: List<String>) {
    val (air, name) = arguments
    val consent = if (arguments.getOrNull(2) == "ask") Consent.ON_PHONE else Consent.AT_WORKSTATION
    val radio = AirRadio(Path.of(air), name)
    radio.open()
    val service = phone.serve(radio, Lines(arguments.getOrNull(3) == "yes"), consent)
    radio.service.complete(service)
    val ended = CountDownLatch(1)
    Runtime.getRuntime().addShutdownHook(
        Thread {
            service.stop()
            radio.close()
            ended.countDown()
        },
    )
    ended.await()
}

private fun status(phone: ImpPhone) {
    val status = phone.status()
    say("bound ${status.bound?.displayName ?: "to nobody"}")
    val enrolled = when (val enrolled = status.enrolled) {
        is Enrolled.Nothing -> "nothing"
        is Enrolled.Face -> "a face of ${enrolled.modelSet}"
        is Enrolled.Unusable -> "unusable: ${enrolled.reason}"
    }
    say("enrolled $enrolled")
    say("receipts ${status.receipts}, refused ${status.refused}, erasure to be told ${status.erasureToBeTold}")
    say("attestation ${if (status.bound == null) 0 else phone.attestation().size}")
    say("service ${gatt().service}")
}

private fun uses(phone: ImpPhone) {
    val uses = phone.uses()
    for (use in uses.uses) say("use ${use.index} ${use.event} ${use.purpose ?: "-"} verified=${use.verified}")
    if (uses.damaged || uses.unreadable > 0u || uses.refused.isNotEmpty()) say("ALARM")
}

private fun verify(phone: ImpPhone) {
    val verification = phone.verifyUses()
    for (use in verification.uses) say("use ${use.index} ${use.event ?: "-"} ${use.standing}")
    say("log ${verification.size} sound=${verification.sound}")
}

private fun told(told: Told) = when (told) {
    is Told.Nothing -> "Nothing"
    is Told.Now -> "Now"
    is Told.NotYet -> "NotYet (${told.reason})"
}

private fun act(state: Path, command: String, arguments: List<String>) {
    val private = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
    if (!Files.exists(state)) Files.createDirectories(state, private)
    val phone = ImpPhone.open(Keys(state), Records(state))
    when (command) {
        "bind" -> {
            val bound = phone.bind(arguments[0], arguments.getOrNull(1) == "replace")
            say("bound to ${bound.displayName} by ${bound.server} as ${bound.phone}")
        }
        "run" -> run(phone, arguments)
        "status" -> status(phone)
        "uses" -> uses(phone)
        "verify" -> verify(phone)
        "receipt" -> say(phone.receipt(arguments[0].toULong())?.toHexString() ?: "none")
        "renew" -> say("renewed until ${phone.renew()}")
        "erase" -> {
            val erased = phone.erase(arguments.getOrNull(0) == "everything", false)
            say("erased face=${erased.face} everything=${erased.everything} told=${told(erased.told)} revoked=${told(erased.revoked)}")
        }
        else -> throw IllegalArgumentException("there is no command $command")
    }
    phone.close()
}

fun main(arguments: Array<String>) {
    try {
        act(Path.of(arguments[0]), arguments[1], arguments.drop(2))
    } catch (error: Exception) {
        System.err.println("${error.javaClass.name}: ${error.message}")
        exitProcess(1)
    }
    exitProcess(0)
}
