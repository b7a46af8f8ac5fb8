"""Common surnames and the language they come from: public facts, written down for elman."""

from __future__ import annotations

__all__ = ["SURNAMES"]

SURNAMES: dict[str, str] = {
    "English": """Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson
        Evans Walker White Roberts Green Hall Wood Jackson Clarke Harrison Cooper Hill Ward Turner
        Baker Parker Edwards Collins Stewart Morris Cook Rogers Bailey Richardson Watson Bennett
        Shaw Holmes Barnes Knight Marshall Palmer Mills Barker Pearson Fletcher Ellis Webb Stone
        Adams Allen Anderson Andrews Armstrong Arnold Atkinson Austin Ball Barton Bates Berry Bird
        Bishop Black Booth Bradley Brooks Bryant Burgess Burke Burns Burton Butler Byrne Campbell
        Carr Carter Chambers Chapman Cole Coleman Cox Crawford Cross Cunningham Curtis Dawson Day
        Dean Dixon Douglas Duncan Elliott Field Fisher Ford Foster Fowler Fox Francis Freeman
        French Gardner George Gibson Gilbert Gordon Graham Grant Gray Griffin Griffiths Hamilton
        Hammond Hardy Harper Harris Hart Harvey Hawkins Hayes Henderson Hicks Higgins Hodgson
        Holland Hopkins Houghton Howard Howell Hudson Hughes Hunt Hunter James Jenkins Johnston
        Jordan Kelly Kennedy Kent King Lamb Lawrence Lawson Lee Lewis Lloyd Long Lowe Lynch Mason
        Matthews May Miller Mitchell Moore Morgan Morton Moss Murphy Murray Nash Newman Newton
        Nicholson Norman Norris Osborne Owen Page Payne Perkins Perry Phillips Poole Porter Potter
        Powell Price Reed Reid Reynolds Rhodes Rice Riley Rose Ross Rowe Russell Ryan Sanders
        Saunders Scott Sharp Shepherd Simpson Slater Spencer Stephens Stevens Sutton Sweeney
        Thornton Townsend Tucker Wade Wallis Walsh Walters Warner Warren Watkins Watts Weaver
        Wells West Wheeler Whitehead Wilkinson Willis Woodward Yates Young""",
    "German": """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann
        Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger
        Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Köhler Herrmann
        König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert
        Vogel Friedrich Ackermann Albrecht Altmann Arndt Auer Bachmann Baumann Baumgartner
        Baumgärtner Beck Beckmann Berger Bergmann Betz Beyer Binder Bischoff Böhm Böhme Böttcher
        Brandt Breuer Brinkmann Brückner Buchholz Busch Büttner Conrad Dietrich Döring Drescher
        Ebert Eckert Ehlers Eichhorn Engelhardt Ernst Esser Fiedler Förster Frank Freitag Frey
        Fritsch Fröhlich Funk Gebhardt Geiger Gerlach Geyer Götz Graf Gräf Groß Großmann Gruber
        Haas Haase Hagen Hammer Hansen Heck Heider Heil Heine Heinemann Heinrich Heinz Heller
        Hempel Henkel Hermann Herzog Heß Heuer Hildebrandt Hinz Höfer Hoppe Horn Hübner Jäger Jahn
        Jansen Janßen Kaufmann Keller Kern Kessler Kirchner Klaus Knoll Kraft Kramer Kraus Krämer
        Krebs Kremer Kröger Kruse Kuhlmann Kühn Kunze Kurz Lindner Lorenz Ludwig Lutz Maier Maurer
        Mertens Metzger Moser Nagel Naumann Nowotny Opitz Otto Pfeiffer Pohl Preuß Rauch Reichert
        Reinhardt Reuter Riedel Ritter Rothe Rudolph Runge Sauer Sauter Schenk Schiller Schlüter
        Schmitz Schreiber Schröter Schuster Schütz Schumacher Schwab Seidel Seifert Siebert Simons
        Sommer Sonntag Springer Stahl Stein Steiner Steinbach Stephan Stoll Strauß Thiel Unger
        Urban Voigt Völker Weidner Weiler Wendt Wenzel Wiegand Wilhelm Wimmer Winkler Winter Witt
        Wolff Wulf Ziegler Zander""",
    "French": """Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon
        Laurent Lefebvre Michel Bertrand Roux Vincent Fournier Morel Girard Andre Lefevre Mercier
        Dupont Lambert Bonnet Francois Legrand Garnier Faure Rousseau Blanc Guerin Henry Roussel
        Nicolas Perrin Morin Mathieu Clement Gauthier Dumont Fontaine Chevalier Robin Masson
        Allard Aubert Aubry Bailly Barbier Baron Barre Barthelemy Baudry Benard Berthelot Berthier
        Besson Blanchard Blanchet Blondel Bodin Bouchard Boucher Boulanger Bourdon Bourgeois
        Bouvier Boyer Breton Brun Brunel Brunet Camus Carlier Caron Carpentier Carre Chapuis
        Charles Charpentier Charrier Chauvin Clerc Collet Collin Colas Colin Cordier Coulon
        Courtois Cousin Daniel David Delattre Delaunay Delmas Denis Deschamps Descamps Devaux
        Didier Dufour Dumas Durant Duval Etienne Evrard Fabre Ferrand Ferry Fleury Foucher
        Gaillard Gallet Gautier Gay Georges Gerard Germain Gilles Gillet Giraud Godard Goujon
        Grandjean Grondin Gros Guichard Guillaume Guillet Guyot Hamel Hamon Herve Huet Humbert
        Imbert Jacob Joly Joubert Jourdan Julien Labbe Lacroix Laine Laporte Launay Leblanc Lebon
        Lebrun Leclerc Lecomte Leconte Leduc Lefort Legendre Leger Lejeune Lemaire Lemaitre
        Lemoine Lenoir Leroux Lesage Levasseur Leveque Louis Lucas Maillard Maillot Marchand
        Marechal Marie Marion Martel Maury Menard Meunier Michaud Monnier Moulin Nicolle Noel
        Normand Olivier Ollivier Paris Pasquier Payet Pelletier Peltier Perret Perrier Perrot
        Pichon Pierre Pons Poulain Raymond Raynaud Regnier Remy Renard Renaud Renault Rey Reynaud
        Riviere Roger Rolland Rossignol Royer Sauvage Tanguy Tessier Texier Thibault Toussaint
        Vallee Vasseur Verdier Vidal Voisin""",
    "Italian": """Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno
        Gallo Conti Costa Giordano Mancini Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani
        Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale Lombardo Serra
        Coppola Marchetti Parisi Villa Conte Ferraro Ferri Fabbri Bianco Marini Grasso Valentini
        Messina Sala Gatti Agostini Albanese Amato Antonelli Arena Baldi Barone Barbero Basile
        Basso Battaglia Bellini Belli Benedetti Bernardi Bertolini Bevilacqua Bonetti Borghi
        Brambilla Brunetti Caputo Carbone Cardinale Catalano Cattaneo Cavallo Ceccarelli Cecchini
        Cirillo Cocco Colonna Corradi Corsi Cosentino Cristofori Damico Demarco Desantis Donati
        Donato Fabbro Falcone Fanelli Farina Fava Fazio Felici Ferretti Filippi Fiore Fiorini
        Fiori Forte Franceschini Franchi Franco Fumagalli Fusco Gargiulo Garofalo Gasparini
        Genovese Gerardi Giacomini Giannini Giorgi Giuliani Giuliano Grandi Grassi Graziani
        Grimaldi Guarino Guerra Guerrini Guidi Iannone Izzo Landi Leoni Liguori Locatelli Lodi
        Lucchini Luciani Maggi Magnani Maiorano Manca Manfredi Manzo Marchesi Marchi Marconi Marra
        Martino Masi Massa Mauri Mazza Melis Merlo Miceli Milani Molinari Monaco Monti Morelli
        Moro Morandi Motta Napolitano Negri Neri Nicoletti Olivieri Orlando Orsini Pace Pagani
        Pagano Palmieri Palumbo Papa Pasini Pavan Pellegrini Pellegrino Perrone Piazza Piccolo
        Pini Piras Pisano Poli Proietti Pugliese Ragusa Raimondi Righi Riva Rocca Rocco Romeo
        Rosati Rosetti Rossetti Rosso Rota Ruggiero Sacchi Salerno Salvatore Salvi Sartori Scala
        Scotti Simonetti Sorrentino Spina Tedesco Testa Tosi Trevisan Tucci Ventura Venturi Viola
        Visconti Volpe Zambelli Zanella Zanetti Zini""",
    "Spanish": """González Rodríguez Fernández López Martínez Sánchez Pérez Gómez Jiménez Ruiz
        Hernández Díaz Moreno Muñoz Álvarez Romero Alonso Gutiérrez Navarro Torres Domínguez
        Vázquez Ramos Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega Delgado Castro Ortiz
        Rubio Marín Sanz Núñez Iglesias Medina Garrido Cortés Castillo Santos Lozano Guerrero Cano
        Prieto Méndez Cruz García Aguado Aguilar Aguilera Aguirre Alarcón Alfaro Andrade Antúnez
        Aparicio Aragón Aranda Arce Arenas Arias Arroyo Ávila Ayala Ballesteros Barrera Barreto
        Barrios Barroso Bautista Becerra Benavides Benítez Bernal Blasco Bravo Bueno Burgos
        Bustamante Bustos Caballero Cáceres Calderón Campos Carmona Carrasco Carrillo Casado Casas
        Castaño Castellanos Cervantes Chávez Correa Crespo Cuesta Cuevas Durán Echeverría Escobar
        Escudero Esteban Esteve Estrada Fajardo Ferrer Figueroa Flores Fuentes Galán Gallardo
        Gallego Gálvez Garza Giménez Godoy Guillén Guzmán Heredia Hernando Herrera Herrero Hurtado
        Ibáñez Jara León Linares Lorenzo Losada Lucero Luna Luque Maldonado Manzano Marcos Marqués
        Márquez Martí Mateos Matías Mejía Mendoza Menéndez Millán Miranda Montero Mora Moya
        Murillo Ochoa Olivares Olmedo Ordóñez Orozco Otero Pacheco Padilla Pardo Parra Pastor Paz
        Pedraza Peláez Peralta Pineda Pizarro Plaza Ponce Porras Quesada Quintana Quintero Rangel
        Redondo Ríos Rivas Robles Román Rosales Rueda Saavedra Sáez Salas Salazar Salinas Salvador
        Sancho Sandoval Santamaría Santana Segura Sierra Silva Solano Soler Solís Soria Soto Tapia
        Téllez Toledo Trujillo Ureña Valdés Valencia Valero Vara Varela Vargas Vega Velasco
        Velázquez Vera Vicente Vila Villalba Villanueva Villegas Zamora Zapata Zúñiga""",
    "Polish": """Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński
        Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur Kwiatkowski Wojciechowski Krawczyk
        Kaczmarek Piotrowski Grabowski Zając Pawłowski Michalski Król Wieczorek Jabłoński Wróbel
        Nowakowski Majewski Olszewski Stępień Malinowski Jaworski Adamczyk Dudek Nowicki Pawlak
        Górski Witkowski Walczak Sikora Baran Rutkowski Michalak Szewczyk Ostrowski Tomaszewski
        Pietrzak Zalewski Wróblewski Marciniak Jasiński Zawadzki Bąk Jakubowski Sadowski Duda
        Włodarczyk Wilk Chmielewski Borkowski Sokołowski Szczepański Sawicki Kucharski Lis Kubiak
        Wysocki Maciejewski Kołodziej Kaźmierczak Czarnecki Sobczak Konieczny Głowacki Zakrzewski
        Wasilewski Laskowski Sikorski Gajewski Szulc Mróz Makowski Brzeziński Przybylski
        Baranowski Szymczak Adamski Górecki Szczepaniak Kania Cieślak Leszczyński Wesołowski
        Mikołajczyk Czerwiński Janik Musiał Kozioł Jarosz Urbaniak Kowalik Mazurek Kopeć Bednarek
        Milewski Marek Stankiewicz Domański Czajkowski Pawlik Bielecki Łukasik Markowski Karpiński
        Kasprzak Orłowski Piątek Sowa Tomczak Marczak Leśniak Klimek Skowroński Kozak Matusiak
        Wierzbicki Stachowiak Polak Wrona Owczarek Madej Romanowski Domagała Rogowski Bednarczyk
        Dębski Mucha Grzelak Krupa Cieślik Czaja Morawski Stasiak Staniszewski Żak Pająk Marszałek
        Drozd Bukowski Kot Kłos Cichoń Lach Szwed Rybak Maj Kosiński Banaś Bieniek Nawrocki
        Smoliński Sobolewski Kacprzak Olejnik Sroka Rak Michałowski Lisowski Bartkowiak Kowalewski
        Podgórski Siwek Niemiec Jóźwiak Śliwiński Frankowski Bogucki Cybulski Dziedzic Gawroński
        Gawlik Gruszka Grzybowski Jurek Kapusta Karczewski Kmiecik Kogut Krzemiński Kubicki
        Kuczyński Kuś Lipski Łuczak Malicki Mielczarek Mikulski Muszyński Niedźwiecki Paluch
        Pietras Pilarski Raczyński Radomski Roszak Różański Słowik Stawski Stolarczyk Strzelecki
        Szostak Święcicki Tkaczyk Trojanowski Walkowiak Warchoł Więckowski Witczak Wnuk Wolski
        Zawada Zdunek Żukowski Żurek""",
    "Russian": """Ivanov Smirnov Kuznetsov Popov Vasiliev Petrov Sokolov Mikhailov Novikov Fedorov
        Morozov Volkov Alekseev Lebedev Semenov Egorov Pavlov Kozlov Stepanov Nikolaev Orlov
        Andreev Makarov Nikitin Zakharov Zaitsev Soloviev Borisov Yakovlev Grigoriev Romanov
        Vorobiev Sergeev Kuzmin Frolov Aleksandrov Dmitriev Korolev Gusev Kiselev Ilyin Maksimov
        Polyakov Sorokin Vinogradov Kovalev Belov Medvedev Antonov Tarasov Zhukov Baranov Filippov
        Komarov Davydov Belyaev Gerasimov Bogdanov Osipov Sidorov Matveev Titov Markov Mironov
        Krylov Kulikov Karpov Melnikov Denisov Gavrilov Tikhonov Afanasiev Danilov Saveliev Fomin
        Chernov Martynov Efimov Shcherbakov Nazarov Kalinin Isaev Chernyshev Bykov Maslov
        Konovalov Lazarev Voronin Filatov Golubev Kudryavtsev Naumov Potapov Zhuravlev Ovchinnikov
        Trofimov Leonov Sobolev Ermakov Goncharov Emelyanov Nikiforov Grachev Kotov Grishin
        Efremov Arkhipov Gromov Malyshev Panov Moiseev Rumyantsev Akimov Kondratiev Biryukov
        Gorbunov Anisimov Eremin Tikhomirov Galkin Lukyanov Mikheev Skvortsov Yudin Belousov
        Nesterov Simonov Kharitonov Knyazev Tsvetkov Levin Sofronov Loginov Gorshkov Savin Krasnov
        Mayorov Demidov Eliseev Rybakov Safonov Plotnikov Khomyakov Fadeev Bolshakov Borodin
        Bocharov Bragin Burov Dyachkov Ershov Evseev Gladkov Glukhov Golovin Golubtsov Goryachev
        Gulyaev Ignatov Ignatiev Kabanov Kalashnikov Kartashov Khokhlov Kiryanov Klyuev Kochetkov
        Kolosov Komissarov Kononov Korneev Koshelev Kravtsov Kryukov Kudrin Larionov Lapin
        Latyshev Litvinov Lobanov Lukin Lytkin Merkulov Muravyov Nechaev Nefedov Noskov Odintsov
        Panfilov Parfenov Pakhomov Platonov Pirogov Rozhkov Rogov Rusakov Ryabov Samoylov Samsonov
        Selivanov Serov Shestakov Shilov Shubin Shuvalov Sitnikov Spiridonov Subbotin Sukhanov
        Suvorov Sychev Terentiev Tretyakov Trifonov Ulyanov Uvarov Vdovin Vishnyakov Yermolov
        Zimin Zinoviev Zotov Zubov Zuev Zykov""",
    "Japanese": """Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato
        Yoshida Yamada Sasaki Yamaguchi Matsumoto Inoue Kimura Hayashi Shimizu Yamazaki Mori Abe
        Ikeda Hashimoto Ishikawa Yamashita Ogawa Ishii Hasegawa Goto Okada Kondo Maeda Fujita Endo
        Aoki Sakamoto Murakami Ota Kaneko Fujii Fukuda Nishimura Miura Takeuchi Nakagawa Okamoto
        Matsuda Harada Nakano Ono Tamura Fujiwara Nakayama Ishida Kojima Morita Uchida Shibata
        Sakai Miyazaki Yokoyama Takagi Ando Miyamoto Ohno Imai Maruyama Takada Kudo Hirano
        Sugiyama Kono Otsuka Fukushima Chiba Sakurai Noguchi Kinoshita Nomura Kikuchi Sano Onishi
        Sugawara Hirata Ueno Mizuno Shimada Koyama Yamauchi Nishikawa Igarashi Kitamura Yasuda
        Nakata Kawaguchi Higuchi Kubo Nagai Matsuo Honda Iwata Hattori Tsuchiya Uehara Matsubara
        Kawamura Tsuji Yano Tachibana Kawakami Oyama Hirose Araki Minami Nakajima Akiyama Asano
        Baba Hara Hoshino Hirai Honma Hori Horiuchi Ikegami Ishibashi Ishiguro Kasai Katayama
        Kawai Kawano Kawashima Kawata Kitagawa Koike Koizumi Komori Konishi Kuroda Kurokawa
        Kuwahara Makino Matsunaga Matsuoka Matsushita Matsuura Mihara Mitani Miyagawa Miyashita
        Mizutani Mochizuki Morimoto Morioka Motoyama Muramatsu Muto Nagano Nagashima Naito Nakai
        Nakanishi Nakao Nakashima Nishi Nishiyama Nishio Nishizawa Oda Ogata Oikawa Okabe Okawa
        Okazaki Okuda Omori Onoda Osaki Ozawa Saeki Saito Sakaguchi Sakata Sekiguchi Seki Shibuya
        Shimoda Shinohara Shiraishi Shirai Soma Sueyoshi Sugimoto Sugita Sugiura Suga Tabata
        Taguchi Takayama Takeda Takemoto Taniguchi Tashiro Toda Togashi Tominaga Toyama Toyoda
        Tsuchida Tsukamoto Uchiyama Ueda Wakabayashi Yamagishi Yamamura Yamaoka Yanagisawa Yokota
        Yokoi Yoneda Yoshikawa Yoshimura Yoshino Yuasa""",
}
"""Language -> 225 of its common surnames between blanks, in the Latin alphabet."""
