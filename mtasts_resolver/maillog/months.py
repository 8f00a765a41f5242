# ruff: noqa: RUF001  letters of other alphabets are what this is about
"""The months as programs write them that log in an administrator's language.

Names and abbreviations, genitive forms too, in lower case and without a final dot. Croatian shares
some with Polish and Czech, for another month: those stand twice, and the reader sees what fits.
"""

import re

_NAMES = """
jan januar januari januarie januaro january jaan jaanuar janar janeiro janv janvier janvāris
janúar január jän jänner gen gener gennaio ene enero ian ianuarie ean eanáir ion ionawr led leden
ledna oca ocak saus sausio sausis sij siječanj siječnja sty styczeń stycznia tammi tammikuu urt
urtarrila xan xaneiro yan yanvar ιαν ιανουάριος ιανουαρίου сту студзень студзеня січ січень січня
янв январь января яну януари јан јануар јануари қаң қаңтар հնվ հունվար հունվարի ינו ינואר ينا
يناير ژانویه जनवरी जन॰ ม.ค มกราคม იან იანვარი

feb febr februar februari februarie februaro february február febrúar februāris febbraio febrer
febrero febreiro fev fevereiro fevral fév févr février chw chwefror feabh feabhra helmi helmikuu
lut luty lutego ots otsaila shk shkurt úno únor února vas vasaris vasario veebr veebruar velj
veljača veljače şub şubat φεβ φεβρουάριος φεβρουαρίου ақп ақпан лют люты лютага лютий лютого фев
феб февраль февраля февруари фебруар փտր փետրվար փետրվարի פבר פברואר فبر فبراير فوریه फ़र॰ फ़रवरी
ก.พ กุมภาพันธ์ თებ თებერვალი

mar march marec marca marci marc maret mars mart marta martie marto marts martxoa marzo março març
maart mac maw mawrth maalis maaliskuu mrt márc március márta már mär märz märts mäe mäerz bře
březen března kov kovas kovo marzec ožu ožujak ožujka μαρ μάρ μάρτιος μαρτίου бер березень березня
мар март марта нау наурыз сак сакавік сакавіка մար մարտ մարտի מרץ مار مارس मार्च มี.ค มีนาคม მარ
მარტი

apr april aprel aprile aprilie aprill aprilo apríl aprīlis abr abril abrëll avr avril aib aibreán
api apirila bal balandis balandžio dub duben dubna d’abr d’abril ebr ebrill huhti huhtikuu kwi
kwiecień kwietnia nis nisan pri prill tra travanj travnja ápr április απρ απρίλιος απριλίου апр
апрель апреля април кві квітень квітня кра красавік красавіка сәу сәуір ապր ապրիլ ապրիլի אפר אפריל
أبر أبريل آوریل अप्रैल เม.ย เมษายน აპრ აპრილი

may mai maj maja majo mag maggio maio maig maijs maiatza mayo mayıs mei mee maí máj május beal
bealtaine geg gegužė gegužės kvě květen května svi svibanj svibnja touko toukokuu μαι μάι μαΐ
μάιος μαΐου май мая мај мам мамыр тра травень травня մայ մայիս մայիսի מאי ماي مايو مه मई พ.ค
พฤษภาคม მაი მაისი

jun june juni junie junij junio junho juno juny juin jui giu giugno iun iunie iyun jūn jūnijs jún
júní június juuni birž birželis birželio cze czerwiec czerwca čer červen června eka ekaina haz
haziran kesä kesäkuu lip lipanj lipnja meh mehefin meith meitheamh qer qershor xuñ xuño čen ιουν
ιούν ιούνιος ιουνίου июн июнь июня чер червень червня чэр чэрвень чэрвеня юни јун јуни мау маусым
հնս հունիս հունիսի יונ יוני يون يونيو ژوئن जून มิ.ย มิถุนายน ივნ ივნისი

jul july juli julie julij julio julho juliol juil juillet juuli júl júlí július jūl jūlijs lug
luglio iul iulie iúil iyl iyul gor gorffennaf heinä heinäkuu kor korrik liep liepa liepos lip
lipiec lipca srp srpanj srpnja tem temmuz uzt uztaila xul xullo čec červenec července ιουλ ιούλ
ιούλιος ιουλίου июл июль июля лип липень липня ліп ліпень ліпеня юли јул јули шіл шілде հլս հուլիս
հուլիսի יול יולי يول يوليو ژوئیه जुल॰ जुलाई ก.ค กรกฎาคม ივლ ივლისი

aug august augusti augusts augustus augusztus aŭg aŭgusto ago agosto agost agustus agu ágú ágúst
août aoû abu abuztua avg avgust avq avqust aws awst ağu ağustos elo elokuu gsh gusht kol kolovoz
kolovoza lún lúnasa ogos rugp rugpjūtis rugpjūčio sie sierpień sierpnia srp srpen srpna αυγ αύγ
αύγουστος αυγούστου авг август августа жні жнівень жніўня сер серпень серпня там тамыз օգս օգոստոս
օգոստոսի אוג אוגוסט أغس أغسطس اوت अग॰ अगस्त ส.ค สิงหาคม აგვ აგვისტო

sep sept september septembar septembre septembrie septembris septembro septiembre set setembre
setembro settembre szept szeptember sen sentyabr eyl eylül ira iraila med medi mfómh rugs rugsėjis
rugsėjo ruj rujan rujna sht shtator syys syyskuu wrz wrzesień września zář září σεπ σεπτ
σεπτέμβριος σεπτεμβρίου вер верасень верасня вересень вересня сен сент сентябрь сентября сеп септ
септембар септември қыр қыркүйек սեպ սեպտեմբեր սեպտեմբերի ספט ספטמבר سبت سبتمبر سپتامبر सित॰
सितंबर ก.ย กันยายน სექ სექტემბერი

oct october octobre octombrie octubre octubro out outubro outubre okt oktobar oktober oktobris
oktobro oktoober oktyabr október ott ottobre d’oct d’octubre dfómh eki ekim hyd hydref lis
listopad listopada loka lokakuu paź październik października říj říjen října spal spalis spalio
tet tetor urr urria οκτ οκτώβριος οκτωβρίου жов жовтень жовтня кас кастрычнік кастрычніка окт
октобар октомври октябрь октября қаз қазан հոկ հոկտեմբեր հոկտեմբերի אוק אוקטובר أكت أكتوبر اكتبر
अक्तू॰ अक्तूबर ต.ค ตุลาคม ოქტ ოქტომბერი

nov november novembar novembre novembris novembro noviembre noiembrie noi noy noyabr nóv nóvember
nën nëntor aza azaroa kas kasım lapkr lapkritis lapkričio lis listopad listopada listopadu marras
marraskuu samh samhain stu studeni studenoga tach tachwedd νοε νοέ νοέμβριος νοεμβρίου лис
листопад листопада ліс лістапад лістапада ное ноември ноя нояб ноябрь ноября нов новембар қар
қараша նմբ նոյեմբեր նոյեմբերի נוב נובמבר نوف نوفمبر نوامبر नव॰ नवंबर พ.ย พฤศจิกายน ნოე ნოემბერი

dec december decembar decembre decembrie decembris decembro des desember desembre dez dezember
dezembro dic dicembre diciembre dis disember déc décembre dek dekabr dets detsember abe abendua
ara aralık dhj dhjetor gru grudzień grudnia gruod gruodis gruodžio joulu joulukuu noll nollaig pro
prosinac prosinca prosinec prosince rha rhagfyr δεκ δεκέμβριος δεκεμβρίου гру грудень грудня дек
декабрь декабря декември дец децембар сне снежань снежня жел желтоқсан դեկ դեկտեմբեր դեկտեմբերի
דצמ דצמבר ديس ديسمبر دسامبر दिस॰ दिसंबर ธ.ค ธันวาคม დეკ დეკემბერი
"""
_MONTHS: dict[str, tuple[int, ...]] = {}
for _month, _names in enumerate(_NAMES.split("\n\n"), 1):
    for _name in _names.casefold().split():
        _MONTHS[_name] = (*_MONTHS.get(_name, ()), _month)
# Chinese, Japanese, Korean and Vietnamese count them: `11月`, `11월`, `Thg 11`.
_COUNTED = re.compile(r"(?:(1[0-2]|[1-9])[月월]|(?:thg|tháng) (1[0-2]|[1-9]))\Z")


def months_called(name: str) -> tuple[int, ...]:
    """Return the months that may be meant, none if no language calls one so."""
    name = name.casefold().strip().rstrip(".")
    if (counted := _COUNTED.match(name)) is not None:
        return (int(counted[1] or counted[2]),)
    return _MONTHS.get(name) or _MONTHS.get(name.removeprefix("de "), ())
